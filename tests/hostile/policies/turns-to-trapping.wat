;; Behaves for a thousand rounds, and then traps on each rank before anybody decides.
;;! at = "observe"
;;! fault = "Trap"
;;! says = "`unreachable` instruction executed in `observe`"
;;! rounds = 1002

(func $observe (type $observe)
    (if (i64.gt_u (local.get 6) (i64.const 10000))
        (then unreachable))
    (i32.const 300))

;; Fails in every second round, so that it is never quite given up.
;;! at = "decide"
;;! fault = "Trap"
;;! says = "`unreachable` instruction executed in `decide`"
;;! rounds = 40

(func $decide (type $decide)
    (if (i64.eqz (i64.rem_u (local.get 5) (i64.const 20))) (then unreachable))
    (i32.const 400))

;; Fails on rank 1, and on no other.
;;! at = "observe"
;;! fault = "Trap"
;;! says = "`unreachable` instruction executed in `observe`"

(func $observe (type $observe) (if (i32.eq (local.get 8) (i32.const 1)) (then unreachable)) (i32.const 300))

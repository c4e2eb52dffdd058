;; Comes to where it never comes, on each rank.
;;! at = "observe"
;;! fault = "Trap"
;;! says = "`unreachable` instruction executed in `observe`"

(func $observe (type $observe) unreachable (i32.const 300))

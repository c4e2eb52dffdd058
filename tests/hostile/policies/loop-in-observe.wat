;; Never comes back from `observe`.
;;! at = "observe"
;;! fault = "Fuel"
;;! says = "used up its fuel"

(func $observe (type $observe) (loop $again (br $again)) (unreachable))

;; Never comes back from `describe`.
;;! at = "describe"
;;! fault = "Fuel"
;;! says = "used up its fuel"
;;! exit = 3

(func $describe (type $describe) (loop $again (br $again)) (unreachable))

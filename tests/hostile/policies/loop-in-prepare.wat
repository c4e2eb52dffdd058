;; Never comes back from `prepare`.
;;! at = "prepare"
;;! fault = "Fuel"
;;! says = "used up its fuel"
;;! exit = 3

(func $prepare (type $prepare) (loop $again (br $again)) (unreachable))

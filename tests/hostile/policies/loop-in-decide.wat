;; Never comes back from `decide`.
;;! at = "decide"
;;! fault = "Fuel"
;;! says = "used up its fuel"

(func $decide (type $decide) (loop $again (br $again)) (unreachable))

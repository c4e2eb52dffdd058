;; Never hands out the memory in which its arguments would be put.
;;! at = "prepare"
;;! fault = "Fuel"
;;! says = "used up its fuel"
;;! exit = 3

(func $realloc (type $realloc) (loop $again (br $again)) (unreachable))

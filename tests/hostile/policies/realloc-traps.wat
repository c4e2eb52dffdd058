;; Refuses to take any argument.
;;! at = "prepare"
;;! fault = "Trap"
;;! exit = 3
;;! says = "`unreachable` instruction executed in `realloc`"

(func $realloc (type $realloc) unreachable)

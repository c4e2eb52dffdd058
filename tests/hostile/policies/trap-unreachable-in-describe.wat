;; Comes to where it never comes, when asked what it is.
;;! at = "describe"
;;! fault = "Trap"
;;! says = "`unreachable` instruction executed in `describe`"
;;! exit = 3

(func $describe (type $describe) unreachable (i32.const 100))

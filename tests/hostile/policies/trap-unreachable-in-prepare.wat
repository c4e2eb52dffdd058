;; Comes to where it never comes, when asked what it needs.
;;! at = "prepare"
;;! fault = "Trap"
;;! says = "`unreachable` instruction executed in `prepare`"
;;! exit = 3

(func $prepare (type $prepare) unreachable (i32.const 200))

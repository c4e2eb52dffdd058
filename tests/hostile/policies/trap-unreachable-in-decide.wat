;; Comes to where it never comes, when asked for a verdict.
;;! at = "decide"
;;! fault = "Trap"
;;! says = "`unreachable` instruction executed in `decide`"

(func $decide (type $decide) unreachable (i32.const 400))

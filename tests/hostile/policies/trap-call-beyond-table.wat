;; Calls behind the end of a table.
;;! at = "decide"
;;! fault = "Trap"
;;! says = "undefined element: out of bounds table access"

(type $nothing (func))
(table 4 funcref)
(func $decide (type $decide) (call_indirect (type $nothing) (i32.const 4)) (i32.const 400))

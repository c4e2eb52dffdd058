;; Calls an empty place of a table.
;;! at = "decide"
;;! fault = "Trap"
;;! says = "uninitialized element"

(type $nothing (func))
(table 4 funcref)
(func $decide (type $decide) (call_indirect (type $nothing) (i32.const 3)) (i32.const 400))

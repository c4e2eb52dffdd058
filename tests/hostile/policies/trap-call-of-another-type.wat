;; Calls a function as if it were of another type.
;;! at = "decide"
;;! fault = "Trap"
;;! says = "indirect call type mismatch"

(type $other (func (result f64)))
(table funcref (elem $free))
(func $decide (type $decide) (drop (call_indirect (type $other) (i32.const 0))) (i32.const 400))

;; Divides by zero.
;;! at = "decide"
;;! fault = "Trap"
;;! says = "integer divide by zero"

(func $decide (type $decide) (drop (i64.rem_u (i64.const 1) (i64.const 0))) (i32.const 400))

;; Makes an integer of what is no number.
;;! at = "decide"
;;! fault = "Trap"
;;! says = "invalid conversion to integer"

(func $decide (type $decide) (drop (i32.trunc_f64_s (f64.const nan))) (i32.const 400))

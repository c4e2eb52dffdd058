;; Calls itself at the end of itself: no stack grows, and no loop is to be seen.
;;! at = "decide"
;;! fault = "Fuel"
;;! says = "used up its fuel"

(func $spin (return_call $spin))
(func $decide (type $decide) (call $spin) (i32.const 400))

;; Its `decide` is no function.
;;! at = "load"
;;! error = "Encode"
;;! says = "decide"
;;! exit = 2

(global $decide i32 (i32.const 400))
(export "ckpt:policy/policy@0.1.0#decide" (global $decide))

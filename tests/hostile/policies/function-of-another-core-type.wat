;; Its `decide` takes nothing.
;;! at = "load"
;;! error = "Encode"
;;! says = "decide"
;;! exit = 2

(func $other (result i32) (i32.const 400))
(export "ckpt:policy/policy@0.1.0#decide" (func $other))

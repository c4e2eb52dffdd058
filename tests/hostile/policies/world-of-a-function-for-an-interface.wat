;; Exports a function by the name of the interface.
;;! at = "load"
;;! error = "Function"
;;! says = "function `describe`"
;;! exit = 2

(component
    (core module $m (func (export "f")))
    (core instance $i (instantiate $m))
    (func $f (canon lift (core func $i "f")))
    (export "ckpt:policy/policy@0.1.0" (func $f)))

;; Exports functions of the right names, which take and return nothing.
;;! at = "load"
;;! error = "Signature"
;;! says = "`describe` has other types"
;;! exit = 2

(component
    (core module $m (func (export "f")))
    (core instance $i (instantiate $m))
    (func $f (canon lift (core func $i "f")))
    (instance $policy
        (export "describe" (func $f))
        (export "prepare" (func $f))
        (export "observe" (func $f))
        (export "decide" (func $f)))
    (export "ckpt:policy/policy@0.1.0" (instance $policy)))

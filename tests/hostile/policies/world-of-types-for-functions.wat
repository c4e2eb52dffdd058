;; Exports a type where a policy has a function.
;;! at = "load"
;;! error = "Function"
;;! says = "function `describe`"
;;! exit = 2

(component
    (type $t (tuple u8 u8))
    (instance $policy (export "describe" (type $t)) (export "prepare" (type $t)) (export "observe" (type $t)) (export "decide" (type $t)))
    (export "ckpt:policy/policy@0.1.0" (instance $policy)))

;; Exports the interface of a policy, and nothing in it.
;;! at = "load"
;;! error = "Function"
;;! says = "does not export the function `describe`"
;;! exit = 2

(component
    (instance $nothing)
    (export "ckpt:policy/policy@0.1.0" (instance $nothing)))

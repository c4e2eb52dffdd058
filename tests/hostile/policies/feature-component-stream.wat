;; A component that answers with a stream.
;;! at = "load"
;;! error = "Compile"
;;! exit = 2
;;! says = "requires the component model async feature"

(component
    (type $s (stream u8))
    (instance $policy (export "s" (type $s)))
    (export "ckpt:policy/policy@0.1.0" (instance $policy)))

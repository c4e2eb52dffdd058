;; A component that does something else.
;;! at = "load"
;;! error = "World"
;;! says = "it exports `run`"
;;! exit = 2

(component
    (core module $m (func (export "run")))
    (core instance $i (instantiate $m))
    (func (export "run") (canon lift (core func $i "run"))))

;; A component that answers later.
;;! at = "load"
;;! error = "Compile"
;;! exit = 2
;;! says = "async"

(component
    (core module $m (func (export "f")) (func (export "cb") (param i32 i32 i32) (result i32) unreachable))
    (core instance $i (instantiate $m))
    (func (export "ckpt:policy/policy@0.1.0") async (canon lift (core func $i "f") async)))

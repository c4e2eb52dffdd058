;; A component that wants to see the environment.
;;! at = "load"
;;! error = "Wasi"
;;! says = "imports WASI (`wasi:cli/environment@0.2.3`)"
;;! exit = 2

(component
    (import "wasi:cli/environment@0.2.3" (instance
        (export "get-environment" (func (result (list (tuple string string))))))))

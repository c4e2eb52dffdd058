;; A module that says of itself only that it runs.
;;! at = "load"
;;! error = "NoWorld"
;;! says = "does not say which world"
;;! exit = 2
;;! guest = { world = false }

(module
    (func (export "run")))

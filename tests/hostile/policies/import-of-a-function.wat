;; Wants to log.
;;! at = "load"
;;! error = "Imports"
;;! says = "imports `env::log`"
;;! exit = 2

(import "env" "log" (func (param i32 i32)))

;; Wants to change a number of its host.
;;! at = "load"
;;! error = "Imports"
;;! says = "imports `env::__stack_pointer`"
;;! exit = 2

(import "env" "__stack_pointer" (global (mut i32)))

;; Wants to use a memory of its host.
;;! at = "load"
;;! error = "Imports"
;;! says = "imports `env::memory`"
;;! exit = 2
;;! guest = { without = ['memory $memory'] }

(import "env" "memory" (memory $memory 2))
(export "memory" (memory $memory))

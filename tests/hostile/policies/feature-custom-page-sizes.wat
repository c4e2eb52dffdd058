;; Wants pages of one byte.
;;! at = "load"
;;! error = "Compile"
;;! says = "custom page sizes"
;;! exit = 2

(memory $memory (export "memory") 131072 (pagesize 1))

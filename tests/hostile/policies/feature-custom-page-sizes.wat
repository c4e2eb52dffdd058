;; Wants pages of one byte.
;;! at = "load"
;;! error = "Resources"
;;! says = "bytes of memory"
;;! exit = 2

(memory $memory (export "memory") 131072 (pagesize 1))

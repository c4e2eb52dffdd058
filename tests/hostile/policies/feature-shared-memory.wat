;; Wants a memory that threads share.
;;! at = "load"
;;! error = "Encode"
;;! says = "shared flag for memories"
;;! exit = 2

(memory $memory (export "memory") 2 4 shared)

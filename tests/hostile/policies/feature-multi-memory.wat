;; Has two memories.
;;! at = "load"
;;! error = "Encode"
;;! says = "multi-memory"
;;! exit = 2

(memory $other 1)

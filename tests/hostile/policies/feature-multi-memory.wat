;; Has two memories.
;;! at = "load"
;;! error = "Compile"
;;! says = "multiple memories"
;;! exit = 2

(memory $other 1)

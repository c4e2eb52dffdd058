;; Keeps its memory to itself.
;;! at = "load"
;;! error = "Encode"
;;! says = "memory"
;;! exit = 2

(memory $memory 2)

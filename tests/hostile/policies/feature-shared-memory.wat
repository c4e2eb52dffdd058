;; Wants a memory that threads share.
;;! at = "load"
;;! error = "Encode"
;;! says = "shared"
;;! exit = 2

(memory $shared 1 1 shared)

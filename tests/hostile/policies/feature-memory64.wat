;; Wants a memory of 64-bit addresses.
;;! at = "load"
;;! error = "Encode"
;;! says = "memory"
;;! exit = 2

(memory $large i64 1)

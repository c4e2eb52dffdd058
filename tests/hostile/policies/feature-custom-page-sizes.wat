;; Wants pages of one byte.
;;! at = "load"
;;! error = "Encode"
;;! says = ""
;;! exit = 2

(memory $small 1 (pagesize 1))

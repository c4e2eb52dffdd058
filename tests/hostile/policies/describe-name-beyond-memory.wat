;; Its name is not in its memory.
;;! at = "describe"
;;! fault = "Answer"
;;! says = "out of bounds"
;;! exit = 3

(data (i32.const 100) "\00\00\00\10\05\00\00\00")

;; Wants as many reductions as a number can count.
;;! at = "prepare"
;;! fault = "Answer"
;;! says = "out of bounds"
;;! exit = 3

(data (i32.const 220) "\00\00\01\00\ff\ff\ff\ff")

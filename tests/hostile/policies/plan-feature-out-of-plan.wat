;; Reduces a number that it does not contribute.
;;! at = "open"
;;! says = "reduction 0 reads feature 1, but the plan has 1"
;;! exit = 3

(data (i32.const 504) "\01\00\00\00")

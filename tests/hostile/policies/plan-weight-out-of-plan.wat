;; Weighs by a number that is not there.
;;! at = "open"
;;! says = "reads input 99"
;;! exit = 3

(data (i32.const 508) "\02\00\00\00\00\00\00\00\63\00\00\00")

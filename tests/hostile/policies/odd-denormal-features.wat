;; Each rank contributes the least number above zero, and a zero that is negative.
;;! at = "nothing"

(data (i32.const 216) "\02")
(data (i32.const 304) "\00\08\00\00\02\00\00\00")
(data (i32.const 2048) "\01\00\00\00\00\00\00\00\01\00\00\00\00\00\00\00")
(data (i32.const 2064) "\01\00\00\00\00\00\00\00\00\00\00\00\00\00\00\80")

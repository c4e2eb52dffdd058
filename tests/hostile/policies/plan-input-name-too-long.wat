;; Wants a number by a name of 300 bytes.
;;! at = "prepare"
;;! fault = "Answer"
;;! says = "the name of an input has 300 bytes"
;;! exit = 3

(data (i32.const 2048) "\34\08\00\00\2c\01\00\00\00\00\00\00")
(data (i32.const 208) "\00\08\00\00\01\00\00\00")

;; Wants a number by a name that is none.
;;! at = "prepare"
;;! fault = "Answer"
;;! says = "utf-8"
;;! exit = 3

(data (i32.const 2048) "\0c\08\00\00\01\00\00\00\00\00\00\00\80")
(data (i32.const 208) "\00\08\00\00\01\00\00\00")

;; Wants a number by a name that hides itself.
;;! at = "prepare"
;;! fault = "Answer"
;;! says = "the name of an input"
;;! exit = 3

(data (i32.const 2048) "\0c\08\00\00\08\00\00\00\00\00\00\00loss\1b[8m")
(data (i32.const 208) "\00\08\00\00\01\00\00\00")

;; Wants to be asked at a moment whose name has 1000 bytes.
;;! at = "prepare"
;;! fault = "Answer"
;;! says = "the name of a moment has 1000 bytes"
;;! exit = 3

(data (i32.const 2048) "\34\08\00\00\e8\03\00\00")
(data (i32.const 232) "\00\08\00\00\01\00\00\00")

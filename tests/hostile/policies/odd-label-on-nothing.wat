;; Points its labels at a checkpoint that does not exist, two of them by one name.
;;! at = "nothing"

(data (i32.const 2048) "\e8\03\00\00\05\00\00\00\09\00\00\00\09\00\00\00\e8\03\00\00\05\00\00\00\08\00\00\00\08\00\00\00")
(data (i32.const 436) "\00\08\00\00\02\00\00\00")

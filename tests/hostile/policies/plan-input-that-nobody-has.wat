;; Requires a number that no rank ever logs.
;;! at = "round"
;;! says = "no_such_"

(data (i32.const 2048) "\10\08\00\00\08\00\00\00\01\00\00\00\00\00\00\00no_such_")
(data (i32.const 208) "\00\08\00\00\01\00\00\00")

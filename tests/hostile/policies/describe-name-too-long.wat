;; Its name has 257 bytes.
;;! at = "describe"
;;! fault = "Answer"
;;! says = "`name` has 257 bytes"
;;! exit = 3

(data (i32.const 100) "\00\08\00\00\01\01\00\00")

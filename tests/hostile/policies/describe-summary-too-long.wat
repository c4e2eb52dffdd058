;; Its one sentence has 5000 bytes.
;;! at = "describe"
;;! fault = "Answer"
;;! says = "`summary` has 5000 bytes"
;;! exit = 3

(data (i32.const 116) "\00\08\00\00\88\13\00\00")

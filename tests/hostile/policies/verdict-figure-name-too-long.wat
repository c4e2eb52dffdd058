;; Has a figure whose name is 300 bytes of zeros.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "the name of a figure has 300 bytes"

(data (i32.const 2048) "\34\08\00\00\2c\01\00\00")
(data (i32.const 420) "\00\08\00\00\01\00\00\00")

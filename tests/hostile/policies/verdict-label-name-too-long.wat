;; Has a label whose name is 257 bytes of zeros.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "the name of a label has 257 bytes"

(data (i32.const 2048) "\34\08\00\00\01\01\00\00")
(data (i32.const 436) "\00\08\00\00\01\00\00\00")

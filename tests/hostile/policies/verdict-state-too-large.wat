;; Wants to remember 512 KiB and a byte.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "`state` has 524289 bytes"

(memory $memory (export "memory") 64)
(data (i32.const 480) "\00\00\01\00\01\00\08\00")

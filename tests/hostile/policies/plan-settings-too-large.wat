;; Its settings have 512 KiB and a byte.
;;! at = "prepare"
;;! fault = "Answer"
;;! says = "`settings` has 524289 bytes"
;;! exit = 3

(memory $memory (export "memory") 64)
(data (i32.const 256) "\00\00\01\00\01\00\08\00")

;; Holds the same unknown checkpoint as often as it may, and releases it as often.
;;! at = "nothing"

(memory $memory (export "memory") 64)
(data (i32.const 444) "\00\00\01\00\60\ea\00\00")
(data (i32.const 452) "\00\00\01\00\60\ea\00\00")

;; Contributes 4097 numbers where one was agreed.
;;! at = "observe"
;;! fault = "Answer"
;;! says = "it has 4097 features"

(memory $memory (export "memory") 64)
(data (i32.const 304) "\00\00\01\00\01\10\00\00")

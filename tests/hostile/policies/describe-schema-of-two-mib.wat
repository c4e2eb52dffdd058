;; Its schema is larger than an answer may be.
;;! at = "describe"
;;! fault = "Answer"
;;! says = "larger than `answer`"
;;! exit = 3

(memory $memory (export "memory") 64)
(data (i32.const 124) "\00\00\01\00\00\00\20\00")

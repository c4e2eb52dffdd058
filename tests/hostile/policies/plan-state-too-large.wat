;; Begins with more to remember than it may.
;;! at = "prepare"
;;! fault = "Answer"
;;! says = "`state` has 524297 bytes"
;;! exit = 3

(memory $memory (export "memory") 64)
(data (i32.const 264) "\00\00\01\00\09\00\08\00")

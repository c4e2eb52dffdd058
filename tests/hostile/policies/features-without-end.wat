;; Contributes a million numbers.
;;! at = "observe"
;;! fault = "Answer"
;;! says = "larger than `answer`"

(memory $memory (export "memory") 300)
(data (i32.const 304) "\00\00\01\00\40\42\0f\00")

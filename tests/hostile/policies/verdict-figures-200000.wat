;; A list of 200 000 figures that takes no room in its memory to speak of.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "larger than `answer`"

(memory $memory (export "memory") 64)
(data (i32.const 420) "\00\00\01\00\40\0d\03\00")

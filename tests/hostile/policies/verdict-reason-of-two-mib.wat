;; Its reason alone is larger than a whole answer may be.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "larger than `answer`"

(memory $memory (export "memory") 64)
(data (i32.const 412) "\00\08\00\00\00\00\20\00")

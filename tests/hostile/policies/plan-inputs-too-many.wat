;; Wants 4097 numbers.
;;! at = "prepare"
;;! fault = "Answer"
;;! says = "it has 4097 inputs"
;;! exit = 3

(memory $memory (export "memory") 64)
(data (i32.const 208) "\00\00\01\00\01\10\00\00")

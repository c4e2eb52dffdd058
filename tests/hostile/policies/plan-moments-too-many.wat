;; Wants to be asked at 4097 moments.
;;! at = "prepare"
;;! fault = "Answer"
;;! says = "it has 4097 moments"
;;! exit = 3

(memory $memory (export "memory") 64)
(data (i32.const 232) "\00\00\01\00\01\10\00\00")

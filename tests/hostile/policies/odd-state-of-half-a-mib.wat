;; Remembers as much as it may, and is handed all of it in each call.
;;! at = "nothing"

(memory $memory (export "memory") 64)
(data (i32.const 480) "\00\00\01\00\00\00\08\00")
(data (i32.const 264) "\00\00\01\00\00\00\08\00")

;; Holds more checkpoints than a run has.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "it has 65537 checkpoints in `hold`"

(memory $memory (export "memory") 64)
(data (i32.const 444) "\00\00\01\00\01\00\01\00")

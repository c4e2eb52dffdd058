;; Contributes two numbers where one was agreed.
;;! at = "round"
;;! says = "its answer is refused"

(memory $memory (export "memory") 2)
(data (i32.const 304) "\20\02\00\00\02\00\00\00")

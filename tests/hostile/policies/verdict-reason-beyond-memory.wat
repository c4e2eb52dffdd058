;; Its reason ends behind its memory.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "string pointer/length out of bounds"

(data (i32.const 412) "\b8\ff\01\00\c8\00\00\00")

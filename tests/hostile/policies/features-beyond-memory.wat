;; Its numbers go on behind its memory.
;;! at = "observe"
;;! fault = "Answer"
;;! says = "out of bounds"

(data (i32.const 304) "\f8\ff\01\00\01\00\00\00")

;; Its list of tags goes on behind its memory.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "list pointer/length out of bounds"

(data (i32.const 428) "\f8\ff\01\00\40\00\00\00")

;; Wants to remember what it does not have.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "list pointer/length out of bounds"

(data (i32.const 480) "\00\00\01\00\01\00\01\00")

;; Its list of tags lies at an odd address.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "list pointer is not aligned"

(data (i32.const 428) "\01\08\00\00\01\00\00\00")

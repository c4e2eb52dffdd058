;; Its numbers lie at an address that is no multiple of eight.
;;! at = "observe"
;;! fault = "Answer"
;;! says = "list pointer is not aligned"

(data (i32.const 304) "\24\02\00\00\01\00\00\00")

;; A number is neither there nor missing.
;;! at = "observe"
;;! fault = "Answer"
;;! says = "option"

(data (i32.const 544) "\07")

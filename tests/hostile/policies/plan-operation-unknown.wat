;; Wants its numbers to become one in a way that nobody knows.
;;! at = "prepare"
;;! fault = "Answer"
;;! says = "invalid discriminant"
;;! exit = 3

(data (i32.const 508) "\09")

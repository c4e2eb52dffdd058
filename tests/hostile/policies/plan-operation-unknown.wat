;; Wants its numbers to become one in a way that nobody knows.
;;! at = "prepare"
;;! fault = "Answer"
;;! says = "unexpected discriminant: 9"
;;! exit = 3

(data (i32.const 508) "\09")

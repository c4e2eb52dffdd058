;; Wants its numbers weighted by a source that is none.
;;! at = "prepare"
;;! fault = "Answer"
;;! says = "discriminant"
;;! exit = 3

(data (i32.const 508) "\02\00\00\00\07")

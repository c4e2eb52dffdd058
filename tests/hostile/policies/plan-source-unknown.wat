;; Wants numbers from a source that is none.
;;! at = "prepare"
;;! fault = "Answer"
;;! says = "discriminant"
;;! exit = 3

(data (i32.const 500) "\02")

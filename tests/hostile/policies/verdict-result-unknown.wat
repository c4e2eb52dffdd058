;; Its answer is neither a result nor an error.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "expected discriminant"

(data (i32.const 400) "\02")

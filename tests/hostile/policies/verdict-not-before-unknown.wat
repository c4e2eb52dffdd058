;; An optional number is neither there nor missing.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "option"

(data (i32.const 464) "\02")

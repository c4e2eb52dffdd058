;; Fails in a way that the contract does not know.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "invalid discriminant"

(data (i32.const 400) "\01")
(data (i32.const 408) "\03")

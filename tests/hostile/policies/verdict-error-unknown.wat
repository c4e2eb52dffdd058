;; Fails in a way that the contract does not know.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "unexpected discriminant: 3"

(data (i32.const 400) "\01")
(data (i32.const 408) "\03")

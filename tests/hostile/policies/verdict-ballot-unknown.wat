;; Votes for what is not on the ballot.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "discriminant"

(data (i32.const 408) "\04")

;; Sticks 65 tags on one checkpoint.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "it has 65 tags"

(data (i32.const 428) "\00\08\00\00\41\00\00\00")

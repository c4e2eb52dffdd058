;; Has 65 labels.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "it has 65 labels"

(data (i32.const 436) "\00\08\00\00\41\00\00\00")

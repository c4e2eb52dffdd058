;; Draws 257 figures.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "it has 257 figures"

(data (i32.const 420) "\00\00\01\00\01\01\00\00")

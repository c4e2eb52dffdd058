;; Has a label that turns the direction of the text behind it.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "the name of a label"

(data (i32.const 2048) "\10\08\00\00\07\00\00\00\07\00\00\00\00\00\00\00best\e2\80\ae")
(data (i32.const 436) "\00\08\00\00\01\00\00\00")

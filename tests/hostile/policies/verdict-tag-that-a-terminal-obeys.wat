;; Has a tag that clears a screen.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "a tag"

(data (i32.const 2048) "\10\08\00\00\04\00\00\00\00\00\00\00\00\00\00\00\1b[2J")
(data (i32.const 428) "\00\08\00\00\01\00\00\00")

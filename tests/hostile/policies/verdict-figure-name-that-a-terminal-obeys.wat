;; Has a figure whose name begins a new line.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "the name of a figure"

(data (i32.const 2048) "\10\08\00\00\05\00\00\00\00\00\00\00\00\00\00\00a\0abcd")
(data (i32.const 420) "\00\08\00\00\01\00\00\00")

;; Talks more than it may.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "`reason` has 4097 bytes, more than `reason` in `[limits]`"

(data (i32.const 412) "\00\08\00\00\01\10\00\00")

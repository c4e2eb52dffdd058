;; Releases as many checkpoints as a number can count.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "out of bounds"

(data (i32.const 452) "\00\00\01\00\ff\ff\ff\ff")

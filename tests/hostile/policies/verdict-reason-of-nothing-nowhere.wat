;; Its reason is empty, and lies where there is no memory.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "out of bounds"

(data (i32.const 412) "\ff\ff\ff\7f\00\00\00\00")

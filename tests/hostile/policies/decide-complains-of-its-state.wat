;; Says that what it is handed is not what it had.
;;! at = "decide"
;;! fault = "State"
;;! says = "the state handed in cannot be used: plain"

(data (i32.const 400) "\01")
(data (i32.const 408) "\01")
(data (i32.const 412) "\e8\03\00\00\05\00\00\00")

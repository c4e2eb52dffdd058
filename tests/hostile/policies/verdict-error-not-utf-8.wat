;; Fails, and the text of its error is no UTF-8.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "utf-8"

(data (i32.const 400) "\01")
(data (i32.const 408) "\02")
(data (i32.const 2048) "\ff\fe")
(data (i32.const 412) "\00\08\00\00\02\00\00\00")

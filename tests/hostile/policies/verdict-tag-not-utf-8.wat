;; Its second tag is no UTF-8.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "utf-8"

(data (i32.const 2048) "\e8\03\00\00\05\00\00\00\10\08\00\00\02\00\00\00\c3\28")
(data (i32.const 428) "\00\08\00\00\02\00\00\00")

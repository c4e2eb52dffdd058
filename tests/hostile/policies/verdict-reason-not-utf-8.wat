;; Its reason is no UTF-8: a surrogate, written as if it were a character.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "utf-8"

(data (i32.const 2048) "fine so far \ed\a0\80")
(data (i32.const 412) "\00\08\00\00\0f\00\00\00")

;; Says on each rank, with a bell, that it cannot answer.
;;! at = "observe"
;;! fault = "Failed"
;;! says = "cannot answer"

(data (i32.const 300) "\01")
(data (i32.const 304) "\02")
(data (i32.const 2048) "no\07\0anews\c2\85")
(data (i32.const 308) "\00\08\00\00\0a\00\00\00")

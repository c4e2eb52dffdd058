;; Holds checkpoints that will be there one day, and such as never will.
;;! at = "nothing"

(data (i32.const 2048) "\f0\ff\ff\ff\ff\ff\ff\ff\00\00\00\00\00\00\00\00\4d\00\00\00\00\00\00\00")
(data (i32.const 444) "\00\08\00\00\03\00\00\00")

;; Releases checkpoints that were never offered, and the one that is offered now.
;;! at = "nothing"

(data (i32.const 2048) "\00\00\00\00\00\00\00\00\ff\ff\ff\ff\ff\ff\ff\ff\00\00\00\40\00\00\00\00\02\00\00\00\00\00\00\00")
(data (i32.const 452) "\00\08\00\00\04\00\00\00")

;; Contributes three numbers where one was agreed, in each round, and is given up after two of them.
;;! at = "round"
;;! says = "failed 2 times in a row"
;;! policy = { disable-after = 2 }
;;! rounds = 6

(data (i32.const 304) "\00\08\00\00\03\00\00\00")

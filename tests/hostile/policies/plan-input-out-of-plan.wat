;; Reduces a number that it did not ask for.
;;! at = "open"
;;! says = "reduction 0 reads input 4294967295, but the plan has 0"
;;! exit = 3

(data (i32.const 500) "\00\00\00\00\ff\ff\ff\ff")

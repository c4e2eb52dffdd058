;; Contributes four billion numbers in each round.
;;! at = "prepare"
;;! fault = "Answer"
;;! says = "features"
;;! exit = 3

(data (i32.const 216) "\ff\ff\ff\ff")

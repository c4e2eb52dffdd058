;; Wants the number of rank four billion.
;;! at = "nothing"

(data (i32.const 508) "\07\00\00\00\ff\ff\ff\ff")

;; Does not want to be asked again in this universe.
;;! at = "nothing"

(data (i32.const 464) "\01")
(data (i32.const 472) "\ff\ff\ff\ff\ff\ff\ff\ff")

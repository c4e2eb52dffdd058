;; Wants to be asked every 18 446 744 073 709 551 615 steps.
;;! at = "nothing"

(data (i32.const 240) "\ff\ff\ff\ff\ff\ff\ff\ff")

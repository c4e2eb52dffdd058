;; Each rank contributes a NaN with a message in its bits.
;;! at = "nothing"

(data (i32.const 552) "\ef\be\ad\de\00\00\f8\ff")

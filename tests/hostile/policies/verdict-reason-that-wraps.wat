;; Where its reason ends, a 32-bit address begins anew.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "out of bounds"

(data (i32.const 412) "\f0\ff\ff\ff\40\00\00\00")

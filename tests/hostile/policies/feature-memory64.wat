;; Wants a memory of 64-bit addresses.
;;! at = "load"
;;! error = "Encode"
;;! says = "expected i64, found i32"
;;! exit = 2

(memory $memory (export "memory") i64 2)

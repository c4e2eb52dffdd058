;; Wants 4 GiB before it does anything.
;;! at = "load"
;;! error = "Resources"
;;! exit = 2
;;! says = "`memory` in `[limits]` is 67108864"

(memory $memory (export "memory") 65536)

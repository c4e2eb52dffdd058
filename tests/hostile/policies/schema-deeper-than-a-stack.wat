;; Its schema is half a mebibyte of opening brackets.
;;! at = "open"
;;! exit = 3
;;! says = "is not JSON"

(memory $memory (export "memory") 16)
(func $start (memory.fill (i32.const 65536) (i32.const 0x5b) (i32.const 524288)))
(start $start)
(global $next (mut i32) (i32.const 655360))
(data (i32.const 124) "\00\00\01\00\00\00\08\00")

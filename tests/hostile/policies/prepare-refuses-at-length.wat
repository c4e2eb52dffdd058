;; Says in a megabyte that it cannot be prepared.
;;! at = "prepare"
;;! fault = "Failed"
;;! says = "the policy cannot answer: NNNN"
;;! exit = 3

(memory $memory (export "memory") 17)
(func $start (memory.fill (i32.const 65536) (i32.const 0x4e) (i32.const 1000000)))
(start $start)
(global $next (mut i32) (i32.const 1100000))
(data (i32.const 200) "\01")
(data (i32.const 208) "\02")
(data (i32.const 212) "\00\00\01\00\40\42\0f\00")

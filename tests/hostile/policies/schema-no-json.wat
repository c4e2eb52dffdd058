;; Its schema is no JSON.
;;! at = "open"
;;! says = "is not JSON"
;;! exit = 3

(memory $memory (export "memory") 4)
(global $next (mut i32) (i32.const 131072))
(data (i32.const 2048) "{\22type\22: ")
(data (i32.const 124) "\00\08\00\00\09\00\00\00")

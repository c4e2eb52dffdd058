;; Its schema is JSON, and no schema.
;;! at = "open"
;;! says = "is no JSON Schema"
;;! exit = 3

(memory $memory (export "memory") 4)
(global $next (mut i32) (i32.const 131072))
(data (i32.const 2048) "{\22type\22: 7, \22required\22: true}")
(data (i32.const 124) "\00\08\00\00\1d\00\00\00")

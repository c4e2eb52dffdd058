;; Its schema is what its schema says.
;;! at = "nothing"

(memory $memory (export "memory") 4)
(global $next (mut i32) (i32.const 131072))
(data (i32.const 2048) "{\22allOf\22: [{\22$ref\22: \22#\22}]}")
(data (i32.const 124) "\00\08\00\00\1a\00\00\00")

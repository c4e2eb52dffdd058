;; Its schema is to be read from this computer.
;;! at = "open"
;;! says = "config-schema"
;;! exit = 3

(memory $memory (export "memory") 4)
(global $next (mut i32) (i32.const 131072))
(data (i32.const 2048) "{\22$ref\22: \22file:///etc/passwd\22}")
(data (i32.const 124) "\00\08\00\00\1e\00\00\00")

;; A pattern of few characters stands for a billion states.
;;! at = "open"
;;! says = "config-schema"
;;! exit = 3
;;! config = { key = "a" }

(memory $memory (export "memory") 4)
(global $next (mut i32) (i32.const 131072))
(data (i32.const 2048) "{\22properties\22:{\22key\22:{\22pattern\22:\22(((a{1,1000}){1,1000}){1,1000})$\22}}}")
(data (i32.const 124) "\00\08\00\00\45\00\00\00")

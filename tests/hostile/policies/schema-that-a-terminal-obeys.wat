;; The key that its schema requires sets the title of a window.
;;! at = "open"
;;! says = "owned"
;;! exit = 2

(memory $memory (export "memory") 4)
(global $next (mut i32) (i32.const 131072))
(data (i32.const 2048) "{\22required\22:[\22\5cu001b]0;owned\5cu0007\22],\22properties\22:{\22\5cu001b]0;owned\5cu0007\22:{\22enum\22:[\22\5cu202e\22]}}}")
(data (i32.const 124) "\00\08\00\00\5f\00\00\00")

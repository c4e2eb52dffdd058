;; A key must fit a pattern that no automaton can decide.
;;! at = "open"
;;! says = "backtracking"
;;! exit = 2
;;! config = { key = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" }

(memory $memory (export "memory") 4)
(global $next (mut i32) (i32.const 131072))
(data (i32.const 2048) "{\22properties\22:{\22key\22:{\22pattern\22:\22^(?=(a+)+$)(a|aa)+\5c\5c1b$\22}}}")
(data (i32.const 124) "\00\08\00\00\3c\00\00\00")

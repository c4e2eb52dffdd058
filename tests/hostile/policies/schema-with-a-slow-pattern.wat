;; A key must fit a pattern that a naive matcher never finishes with.
;;! at = "open"
;;! says = "does not match"
;;! exit = 2
;;! config = { key = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" }

(memory $memory (export "memory") 4)
(global $next (mut i32) (i32.const 131072))
(data (i32.const 2048) "{\22properties\22:{\22key\22:{\22pattern\22:\22^(([a-z])+.)+[A-Z]([a-z])+$\22}}}")
(data (i32.const 124) "\00\08\00\00\40\00\00\00")

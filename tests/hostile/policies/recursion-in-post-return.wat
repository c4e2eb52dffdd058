;; Answers, and calls itself without end while it cleans up.
;;! at = "observe"
;;! fault = "Trap"
;;! says = "call stack exhausted"

(func $free (param i32) (call $free (local.get 0)) (global.set $next (i32.const 4096)))

;; Exports more than a policy has.
;;! at = "nothing"

(func (export "shutdown") unreachable)
(global (export "answer") i32 (i32.const 42))

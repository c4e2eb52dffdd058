;; Waits for another thread.
;;! at = "load"
;;! error = "Compile"
;;! says = "threads"
;;! exit = 2

(func (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1))))

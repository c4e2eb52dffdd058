;; Calls itself without end.
;;! at = "decide"
;;! fault = "Trap"
;;! says = "call stack exhausted in `decide`"

(func $decide (type $decide)
    (i32.add (i32.const 1)
        (call $decide (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 0)
        (i32.const 0) (f64.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))

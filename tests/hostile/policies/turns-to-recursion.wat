;; Behaves for a thousand rounds, and then calls itself without end.
;;! at = "decide"
;;! fault = "Trap"
;;! says = "call stack exhausted"
;;! rounds = 1002

(func $decide (type $decide)
    (if (i64.gt_u (local.get 5) (i64.const 10000))
        (then (drop (i32.add (i32.const 1) (call $decide (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 20000) (i64.const 0) (i32.const 0) (i32.const 0) (f64.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))))
    (i32.const 400))

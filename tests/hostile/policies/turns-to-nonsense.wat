;; Behaves for a thousand rounds, and then votes for what is not on the ballot.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "discriminant"
;;! rounds = 1002

(func $decide (type $decide)
    (if (i64.gt_u (local.get 5) (i64.const 10000))
        (then (i32.store8 (i32.const 408) (i32.const 200))))
    (i32.const 400))

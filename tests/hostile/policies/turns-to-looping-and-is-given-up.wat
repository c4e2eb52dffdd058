;; Behaves for a thousand rounds, and would then use up all its fuel in each of thirty: two of them are paid for.
;;! at = "decide"
;;! fault = "Fuel"
;;! says = "used up its fuel"
;;! policy = { disable-after = 2 }
;;! rounds = 1030

(func $decide (type $decide)
    (if (i64.gt_u (local.get 5) (i64.const 10000))
        (then (loop $again (br $again))))
    (i32.const 400))

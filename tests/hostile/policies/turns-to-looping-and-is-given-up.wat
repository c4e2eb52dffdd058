;; Behaves for a thousand rounds, and would then use up all its fuel on each rank in each of thirty: two are paid for.
;;! at = "observe"
;;! fault = "Fuel"
;;! says = "used up its fuel"
;;! policy = { disable-after = 2 }
;;! rounds = 1030

(func $observe (type $observe)
    (if (i64.gt_u (local.get 6) (i64.const 10000))
        (then (loop $again (br $again))))
    (i32.const 300))

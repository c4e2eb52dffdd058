;; Behaves for a thousand rounds, and then never comes back.
;;! at = "decide"
;;! fault = "Fuel"
;;! says = "used up its fuel"
;;! rounds = 1002

(func $decide (type $decide)
    (if (i64.gt_u (local.get 5) (i64.const 10000))
        (then (loop $again (br $again))))
    (i32.const 400))

;; Behaves for a thousand rounds, and then wants all memory there is.
;;! at = "decide"
;;! fault = "Trap"
;;! says = "it had asked for"
;;! rounds = 1002

(func $decide (type $decide)
    (if (i64.gt_u (local.get 5) (i64.const 10000))
        (then (loop $more (br_if $more (i32.ne (memory.grow (i32.const 64)) (i32.const -1)))) unreachable))
    (i32.const 400))

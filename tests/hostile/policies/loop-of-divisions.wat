;; Spends its time in what a processor is slowest at.
;;! at = "decide"
;;! fault = "Fuel"
;;! says = "used up its fuel"

(func $decide (type $decide)
    (local $x f64) (local $n i64)
    (loop $again
        (local.set $x (f64.sqrt (f64.div (local.get $x) (f64.const 1.0000001))))
        (local.set $n (i64.rem_s (i64.const 0x7fffffffffffffff) (i64.or (local.get $n) (i64.const 3))))
        (br $again))
    (unreachable))

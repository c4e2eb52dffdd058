;; Each turn of its loop is one instruction that writes 100 000 references.
;;! at = "decide"
;;! fault = "Fuel"
;;! says = "used up its fuel"

(table $table 100000 funcref)
(func $decide (type $decide)
    (loop $again
        (table.fill $table (i32.const 0) (ref.null func) (i32.const 100000))
        (br $again))
    (unreachable))

;; Asks for a larger table again and again, which is refused each time.
;;! at = "decide"
;;! fault = "Fuel"
;;! says = "used up its fuel"

(table $table 1 funcref)
(func $decide (type $decide)
    (loop $again
        (drop (table.grow $table (ref.null func) (i32.const 0x7fffffff)))
        (br $again))
    (unreachable))

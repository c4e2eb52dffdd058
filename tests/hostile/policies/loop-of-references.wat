;; Takes the address of a function, again and again, which its host has to look up.
;;! at = "decide"
;;! fault = "Fuel"
;;! says = "used up its fuel"

(table $table 1 funcref)
(elem declare func $free)
(func $decide (type $decide)
    (loop $again
        (table.set $table (i32.const 0) (ref.func $free))
        (br $again))
    (unreachable))

;; Takes the address of a function, again and again, which its host has to look up.
;; Of all files it takes the most time for its fuel, so two rounds of it are close to what three of others take.
;;! at = "decide"
;;! fault = "Fuel"
;;! says = "used up its fuel"
;;! rounds = 2

(table $table 1 funcref)
(elem declare func $free)
(func $decide (type $decide)
    (loop $again
        (table.set $table (i32.const 0) (ref.func $free))
        (br $again))
    (unreachable))

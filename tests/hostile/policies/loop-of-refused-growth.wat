;; Asks for more memory again and again, which is refused each time.
;;! at = "decide"
;;! fault = "Fuel"
;;! says = "used up its fuel"

(func $decide (type $decide)
    (loop $again
        (drop (memory.grow (i32.const 2000)))
        (br $again))
    (unreachable))

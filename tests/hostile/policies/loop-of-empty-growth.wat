;; Asks for no more memory, again and again, which is granted each time.
;;! at = "decide"
;;! fault = "Fuel"
;;! says = "used up its fuel"

(func $decide (type $decide)
    (loop $again
        (drop (memory.grow (i32.const 0)))
        (br $again))
    (unreachable))

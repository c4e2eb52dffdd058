;; Asks for memory until there is no more, and makes a fuss of it.
;;! at = "decide"
;;! fault = "Trap"
;;! says = "it had asked for 67239936 bytes of memory"

(func $decide (type $decide)
    (loop $more (br_if $more (i32.ne (memory.grow (i32.const 64)) (i32.const -1))))
    (unreachable))

;; Each turn of its loop is one instruction that writes 64 KiB.
;;! at = "decide"
;;! fault = "Fuel"
;;! says = "used up its fuel"

(func $decide (type $decide)
    (loop $again
        (memory.fill (i32.const 65536) (i32.const 7) (i32.const 65536))
        (br $again))
    (unreachable))

;; Each turn of its loop is one instruction that moves 64 KiB, over themselves.
;;! at = "decide"
;;! fault = "Fuel"
;;! says = "used up its fuel"

(func $decide (type $decide)
    (loop $again
        (memory.copy (i32.const 65537) (i32.const 65536) (i32.const 65535))
        (br $again))
    (unreachable))

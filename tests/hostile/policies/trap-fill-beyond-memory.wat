;; Fills more than its memory, by one byte.
;;! at = "observe"
;;! fault = "Trap"
;;! says = "out of bounds memory access"

(func $observe (type $observe) (memory.fill (i32.const 1) (i32.const 0) (i32.const 131072)) (i32.const 300))

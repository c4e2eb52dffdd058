;; A data segment lies behind the end of the memory.
;;! at = "load"
;;! error = "Start"
;;! fault = "Trap"
;;! exit = 3
;;! says = "out of bounds memory access"

(data (i32.const 131070) "four")

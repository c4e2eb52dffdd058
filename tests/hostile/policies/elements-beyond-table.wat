;; An element segment is longer than its table.
;;! at = "load"
;;! error = "Start"
;;! fault = "Trap"
;;! exit = 3
;;! says = "out of bounds table access"

(table 1 funcref)
(elem (i32.const 0) $free $free)

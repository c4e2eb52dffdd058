;; Copies more references into a table than there are.
;;! at = "observe"
;;! fault = "Trap"
;;! says = "out of bounds table access"

(table $table 1 funcref)
(elem $some funcref (ref.null func))
(func $observe (type $observe) (table.init $table $some (i32.const 0) (i32.const 0) (i32.const 2)) (i32.const 300))

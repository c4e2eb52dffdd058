;; Two functions call each other without end, each through a table.
;;! at = "observe"
;;! fault = "Trap"
;;! says = "call stack exhausted"

(table $table 2 funcref)
(elem (i32.const 0) $even $odd)
(type $step (func (param i32) (result i32)))
(func $even (type $step) (i32.add (call_indirect (type $step) (local.get 0) (i32.const 1)) (i32.const 1)))
(func $odd (type $step) (i32.add (call_indirect (type $step) (local.get 0) (i32.const 0)) (i32.const 1)))
(func $observe (type $observe) (drop (call $even (i32.const 0))) (i32.const 300))

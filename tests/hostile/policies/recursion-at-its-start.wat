;; Calls itself without end before anybody has asked it.
;;! at = "load"
;;! error = "Start"
;;! fault = "Trap"
;;! exit = 3
;;! says = "call stack exhausted"

(func $start (call $start) (call $free (i32.const 0)))
(start $start)

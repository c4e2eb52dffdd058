;; Never ends at its start.
;;! at = "load"
;;! error = "Start"
;;! fault = "Fuel"
;;! exit = 3
;;! says = "used up its fuel"

(func $start (loop $again (br $again)))
(start $start)

;; Answers, and never ends cleaning up after its answer.
;;! at = "observe"
;;! fault = "Fuel"
;;! says = "used up its fuel"

(func $free (param i32) (loop $again (br $again)))

;; Its answer is good, and giving back its memory is what fails.
;;! at = "observe"
;;! fault = "Trap"
;;! says = "unreachable"

(func $free (param i32) unreachable)

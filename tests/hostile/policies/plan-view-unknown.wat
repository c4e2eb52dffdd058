;; Wants to see in a way that nobody can.
;;! at = "prepare"
;;! fault = "Answer"
;;! says = "discriminant"
;;! exit = 3

(data (i32.const 228) "\03")

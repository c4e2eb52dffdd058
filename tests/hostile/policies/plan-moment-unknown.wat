;; Wants to be asked at full moon.
;;! at = "open"
;;! says = "the moment `full-moon-rise` is unknown"
;;! exit = 3

(data (i32.const 1008) "full-moon-rise")

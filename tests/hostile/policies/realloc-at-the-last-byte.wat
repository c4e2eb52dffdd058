;; Has room for its arguments, up to the last byte but one.
;;! at = "prepare"
;;! fault = "Answer"
;;! exit = 3
;;! says = "realloc return"

(func $realloc (type $realloc) (i32.const 131071))

;; Says that its arguments belong where it has no memory.
;;! at = "prepare"
;;! fault = "Answer"
;;! exit = 3
;;! says = "realloc return"

(func $realloc (type $realloc) (i32.const -64))

;; Says that a list of records belongs at an odd address.
;;! at = "observe"
;;! fault = "Answer"
;;! says = "result not aligned"

(func $realloc (type $realloc) (i32.const 4097))

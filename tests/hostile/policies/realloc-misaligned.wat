;; Says that a list of records belongs at an odd address.
;;! at = "nothing"

(func $realloc (type $realloc) (i32.const 4097))

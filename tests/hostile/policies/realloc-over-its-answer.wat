;; Has its arguments put where its answer lies.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "out of bounds"

(func $realloc (type $realloc) (i32.const 400))
(data (i32.const 2048) "\07\07\07\07\07\07\07\07")
(data (i32.const 256) "\00\08\00\00\08\00\00\00")

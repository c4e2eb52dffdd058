;; Hands out the same place for everything, which is where its answer lies.
;;! at = "nothing"

(func $realloc (type $realloc) (i32.const 400))

;; Has its arguments put where its answer lies; what is wrong with it first depends on them.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "the policy's answer is refused"

(func $realloc (type $realloc) (i32.const 400))
(data (i32.const 2048) "\07\07\07\07\07\07\07\07")
(data (i32.const 256) "\00\08\00\00\08\00\00\00")

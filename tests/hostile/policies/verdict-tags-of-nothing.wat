;; A list of 20 000 empty tags, which lie where there is nothing but zeros.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "it has 20000 tags"

(memory $memory (export "memory") 64)
(data (i32.const 428) "\00\00\01\00\20\4e\00\00")

;; Its answer lies at an odd address.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "pointer not aligned"

(func $decide (type $decide) (i32.const 401))

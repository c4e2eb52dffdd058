;; Its answer lies at an address of which nothing is left.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "pointer out of bounds of memory"

(func $decide (type $decide) (i32.const -8))

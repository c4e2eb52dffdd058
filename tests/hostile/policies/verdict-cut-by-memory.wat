;; Its answer begins in its memory and ends behind it.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "pointer out of bounds"

(func $decide (type $decide) (i32.const 131064))

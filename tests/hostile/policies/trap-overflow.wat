;; Divides the least number by minus one.
;;! at = "decide"
;;! fault = "Trap"
;;! says = "integer overflow"

(func $decide (type $decide) (drop (i32.div_s (i32.const 0x80000000) (i32.const -1))) (i32.const 400))

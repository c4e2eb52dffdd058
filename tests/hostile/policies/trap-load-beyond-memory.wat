;; Reads behind its memory, with an offset that overflows the address.
;;! at = "decide"
;;! fault = "Trap"
;;! says = "out of bounds memory access"

(func $decide (type $decide) (drop (i64.load offset=0xfffffff8 (i32.const 0x7fffffff))) (i32.const 400))

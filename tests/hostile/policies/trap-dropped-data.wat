;; Copies out of a data segment that it has thrown away.
;;! at = "decide"
;;! fault = "Trap"
;;! says = "out of bounds memory access"

(data $gone "gone")
(func $decide (type $decide) (data.drop $gone) (memory.init $gone (i32.const 2048) (i32.const 0) (i32.const 1)) (i32.const 400))

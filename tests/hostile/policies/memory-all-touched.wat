;; Grows to the limit on each rank, and writes on every page.
;;! at = "nothing"

(func $decide (type $decide)
    (drop (memory.grow (i32.sub (i32.const 1024) (memory.size))))
    (memory.fill (i32.const 65536) (i32.const 1) (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 65536)))
    (i32.const 400))

;; Grows to the limit on each rank, and writes on every page.
;;! at = "nothing"

(func $decide (type $decide)
    (local $at i32)
    (drop (memory.grow (i32.sub (i32.const 1024) (memory.size))))
    (local.set $at (i32.const 131072))
    (loop $page
        (i64.store (local.get $at) (i64.const -1))
        (local.set $at (i32.add (local.get $at) (i32.const 4096)))
        (br_if $page (i32.lt_u (local.get $at) (i32.const 67108864))))
    (i32.const 400))

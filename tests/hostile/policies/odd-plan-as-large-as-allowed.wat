;; Contributes 4096 numbers, and wants every rank's of each.
;;! at = "nothing"

(memory $memory (export "memory") 8)
(global $next (mut i32) (i32.const 262144))
(func $start (local $i i32) (local $at i32)
    (loop $next_one
        (local.set $at (i32.add (i32.const 65536) (i32.mul (local.get $i) (i32.const 20))))
        (i32.store8 (local.get $at) (i32.const 1))
        (i32.store offset=4 (local.get $at) (local.get $i))
        (i32.store8 offset=8 (local.get $at) (i32.const 8))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $next_one (i32.lt_u (local.get $i) (i32.const 4096)))))
(start $start)
(data (i32.const 216) "\00\10\00\00\00\00\01\00\00\10\00\00")
(data (i32.const 304) "\00\80\02\00\00\10\00\00")

;; 64 tags are the same 64 KiB of memory: small for it, and 4 MiB for its host.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "larger than `answer`"

(func $start (local $i i32)
    (loop $next
        (i64.store (i32.add (i32.const 2048) (i32.shl (local.get $i) (i32.const 3))) (i64.const 0x1000000001000))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $i) (i32.const 64)))))
(start $start)
(data (i32.const 428) "\00\08\00\00\40\00\00\00")

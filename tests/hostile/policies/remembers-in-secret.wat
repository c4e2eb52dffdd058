;; Counts its calls where it must not: in its memory, which is gone with each instance, and traps at a thousand.
;;! at = "nothing"
;;! rounds = 20

(global $calls (mut i32) (i32.const 0))
(func $observe (type $observe)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (if (i32.gt_u (global.get $calls) (i32.const 1000)) (then unreachable))
    (i32.const 300))

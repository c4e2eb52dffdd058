;; Asks for more pages than a number can count, and lives with the refusal.
;;! at = "nothing"

(func $decide (type $decide)
    (drop (memory.grow (i32.const -1)))
    (drop (memory.grow (i32.const 65535)))
    (i32.const 400))

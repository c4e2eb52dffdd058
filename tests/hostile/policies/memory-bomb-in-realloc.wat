;; Takes all memory for an argument of two bytes.
;;! at = "prepare"
;;! fault = "Trap"
;;! says = "it had asked for"
;;! exit = 3

(func $realloc (type $realloc)
    (loop $more (br_if $more (i32.ne (memory.grow (i32.const 256)) (i32.const -1))))
    (unreachable))

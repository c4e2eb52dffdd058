;; Asks for memory at its start until there is no more.
;;! at = "load"
;;! error = "Start"
;;! fault = "Trap"
;;! exit = 3
;;! says = "bytes of memory, `memory` in `[limits]`"

(func $start
    (loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
    (unreachable))
(start $start)

;; Asks for a larger table until there is none.
;;! at = "decide"
;;! fault = "Trap"
;;! says = "`table-elements` in `[limits]` is 100000"

(table $table 1 funcref)
(func $decide (type $decide)
    (loop $more (br_if $more (i32.ne (table.grow $table (ref.null func) (i32.const 4096)) (i32.const -1))))
    (unreachable))

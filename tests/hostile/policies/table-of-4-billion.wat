;; Wants a table of 4 billion entries before it does anything.
;;! at = "load"
;;! error = "Resources"
;;! exit = 2
;;! says = "`table-elements` in `[limits]` is 100000"

(table 0xffffffff funcref)

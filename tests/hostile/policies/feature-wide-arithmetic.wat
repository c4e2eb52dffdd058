;; Adds 128 bits.
;;! at = "load"
;;! error = "Compile"
;;! says = "wide"
;;! exit = 2

(func (drop (drop (i64.add128 (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)))))

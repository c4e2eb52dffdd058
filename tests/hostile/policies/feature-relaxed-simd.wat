;; Computes what each processor computes otherwise.
;;! at = "load"
;;! error = "Compile"
;;! says = "relaxed"
;;! exit = 2

(func (drop (i8x16.relaxed_swizzle (v128.const i64x2 0 0) (v128.const i64x2 0 0))))

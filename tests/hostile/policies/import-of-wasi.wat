;; Wants random numbers from an operating system.
;;! at = "load"
;;! error = "Wasi"
;;! says = "imports WASI (`wasi_snapshot_preview1::random_get`)"
;;! exit = 2

(import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))

;; Has a tag of 257 bytes.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "a tag has 257 bytes"

(func $start (memory.fill (i32.const 3000) (i32.const 0x61) (i32.const 257)))
(start $start)
(data (i32.const 2048) "\b8\0b\00\00\01\01\00\00")
(data (i32.const 428) "\00\08\00\00\01\00\00\00")

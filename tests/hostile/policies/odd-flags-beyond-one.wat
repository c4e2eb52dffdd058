;; Its truth values are 255 and 2.
;;! at = "nothing"

(data (i32.const 248) "\ff")
(data (i32.const 460) "\00")

;; What it wants to remember is the answer that says so.
;;! at = "nothing"

(data (i32.const 480) "\90\01\00\00\58\00\00\00")

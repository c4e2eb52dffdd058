;; Has all the tags that it may, and asks for nothing.
;;! at = "nothing"

(data (i32.const 428) "\00\08\00\00\40\00\00\00")

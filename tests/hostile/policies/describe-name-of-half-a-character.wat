;; Its texts are UTF-16, and its name is the second half of a character.
;;! at = "describe"
;;! fault = "Answer"
;;! says = "unpaired surrogate"
;;! exit = 3
;;! guest = { encoding = "utf-16" }

(data (i32.const 100) "\00\08\00\00\01\00\00\00")
(data (i32.const 2048) "\00\dc")

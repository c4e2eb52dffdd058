;; Contributes nothing where one number was agreed.
;;! at = "round"
;;! says = "its answer is refused"

(data (i32.const 304) "\20\02\00\00\00\00\00\00")

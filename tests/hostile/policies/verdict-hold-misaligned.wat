;; The checkpoints that it holds lie at an address that is no multiple of eight.
;;! at = "decide"
;;! fault = "Answer"
;;! says = "list pointer is not aligned"

(data (i32.const 444) "\04\08\00\00\02\00\00\00")

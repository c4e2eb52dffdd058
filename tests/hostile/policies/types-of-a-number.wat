;; Takes the rank for a signed number.
;;! at = "load"
;;! error = "Signature"
;;! says = "`observe` has other types"
;;! exit = 2
;;! guest = { contract = [["rank: u32,", "rank: s32,"]] }

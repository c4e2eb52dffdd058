;; Calls a field of an answer otherwise: the same bytes, and not the same contract.
;;! at = "load"
;;! error = "Signature"
;;! says = "`describe` has other types"
;;! exit = 2
;;! guest = { contract = [["summary: string", "about: string"]] }

;; Knows one ballot more.
;;! at = "load"
;;! error = "Signature"
;;! says = "`decide` has other types"
;;! exit = 2
;;! guest = { contract = [["veto,\n", "veto,\n        maybe,\n"]] }

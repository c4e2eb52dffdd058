;; Speaks the next version of the contract.
;;! at = "load"
;;! error = "Version"
;;! says = "built for version `0.2.0` of the contract"
;;! exit = 2
;;! guest = { version = "0.2.0" }

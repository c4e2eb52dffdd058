;; Speaks a version whose number no computer can count.
;;! at = "load"
;;! error = "Version"
;;! says = "`18446744073709551615.0.0`"
;;! exit = 2
;;! guest = { version = "18446744073709551615.0.0" }

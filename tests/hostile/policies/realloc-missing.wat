;; Takes arguments, and has no memory to give for them.
;;! at = "load"
;;! error = "Encode"
;;! says = "cabi_realloc"
;;! exit = 2
;;! guest = { without = ['export "cabi_realloc"'] }

;; Has no `observe`.
;;! at = "load"
;;! error = "Encode"
;;! says = "observe"
;;! exit = 2
;;! guest = { without = ['export "ckpt:policy/policy@0.1.0#observe"', 'export "cabi_post_ckpt:policy/policy@0.1.0#observe"'] }

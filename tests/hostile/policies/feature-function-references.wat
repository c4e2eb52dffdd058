;; Calls functions by reference.
;;! at = "load"
;;! error = "Encode"
;;! says = ""
;;! exit = 2

(func (param $f (ref $describe)) (drop (call_ref $describe (local.get $f))))

;; Calls functions by reference, which does no harm.
;;! at = "nothing"

(func (param $f (ref $describe)) (drop (call_ref $describe (local.get $f))))

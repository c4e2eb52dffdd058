;; Throws.
;;! at = "load"
;;! error = "Encode"
;;! says = "exceptions"
;;! exit = 2

(tag $t)
(func (throw $t))

;; Throws.
;;! at = "load"
;;! error = "Compile"
;;! says = "exceptions"
;;! exit = 2

(tag $t)
(func (throw $t))

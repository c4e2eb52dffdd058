;; Wants to run on stacks of its own.
;;! at = "load"
;;! error = "Compile"
;;! says = "stack switching is disabled"
;;! exit = 2

(type $f (func))
(type $c (cont $f))
(func (param (ref $c)))

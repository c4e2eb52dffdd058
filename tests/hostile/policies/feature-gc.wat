;; Has objects that somebody has to collect.
;;! at = "load"
;;! error = "Compile"
;;! says = "gc types are disabled"
;;! exit = 2

(type $s (struct (field i32)))
(func (drop (struct.new_default $s)))

;; Has objects that somebody has to collect.
;;! at = "load"
;;! error = "Compile"
;;! says = ""
;;! exit = 2

(type $s (struct (field i32)))
(func (drop (struct.new_default $s)))

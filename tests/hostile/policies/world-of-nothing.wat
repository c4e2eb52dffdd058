;; A component that has nothing in it.
;;! at = "load"
;;! error = "World"
;;! says = "it exports nothing"
;;! exit = 2

(component)

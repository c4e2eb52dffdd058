;; A component that imports nothing but types.
;;! at = "load"
;;! error = "Imports"
;;! says = "imports `site:shapes/types`"
;;! exit = 2

(component
    (import "site:shapes/types" (instance)))

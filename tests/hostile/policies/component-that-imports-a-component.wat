;; A component that wants to start another one.
;;! at = "load"
;;! error = "Imports"
;;! says = "imports `site:any/other`"
;;! exit = 2

(component
    (import "site:any/other" (component)))

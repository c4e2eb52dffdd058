;; A component that wants code from its host.
;;! at = "load"
;;! error = "Imports"
;;! says = "imports `site:any/module`"
;;! exit = 2

(component
    (import "site:any/module" (core module)))

;; A component that wants a handle.
;;! at = "load"
;;! error = "Imports"
;;! says = "imports `site:files/file`"
;;! exit = 2

(component
    (import "site:files/file" (type (sub resource))))

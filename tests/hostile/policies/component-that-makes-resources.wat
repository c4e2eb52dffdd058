;; Makes handles, which lie in the host's memory, by calls of the engine that fuel does not weigh.
;;! at = "load"
;;! error = "Resource"
;;! says = "handles resources of its own"
;;! exit = 2

(component
    (type $handle (resource (rep i32)))
    (core func (canon resource.new $handle)))

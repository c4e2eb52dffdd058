;; Wants to know the time.
;; fails: contract.imports
(component
  (import "wasi:clocks/wall-clock@0.2.0" (instance)))

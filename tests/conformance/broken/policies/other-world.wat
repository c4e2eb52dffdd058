;; Is a component, and something else than a policy.
;; fails: contract.world
(component
  (instance $run)
  (export "wasi:cli/run@0.2.0" (instance $run)))

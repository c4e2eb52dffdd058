;; Is a policy of a contract that this host does not know.
;; fails: contract.version
(component
  (instance $policy)
  (export "ckpt:policy/policy@9.0.0" (instance $policy)))

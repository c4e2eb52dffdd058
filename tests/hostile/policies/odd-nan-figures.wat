;; Its figures are NaNs with a message in their bits, and infinities.
;;! at = "nothing"

(data (i32.const 2048) "\e8\03\00\00\05\00\00\00\89\67\45\23\01\00\f8\ff\e8\03\00\00\04\00\00\00\01\00\00\00\00\00\f0\7f\e8\03\00\00\03\00\00\00\00\00\00\00\00\00\f0\ff")
(data (i32.const 420) "\00\08\00\00\03\00\00\00")

;; Requires a fact that no host knows.
;;! at = "open"
;;! says = "host.passwd"
;;! exit = 2

(data (i32.const 2048) "\10\08\00\00\0c\00\00\00\01\00\00\00\00\00\00\00host.passwds")
(data (i32.const 208) "\00\08\00\00\01\00\00\00")

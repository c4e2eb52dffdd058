;; Says that its configuration is wrong, whatever that is.
;;! at = "prepare"
;;! fault = "Config"
;;! says = "nothing"
;;! exit = 2

(data (i32.const 200) "\01")
(data (i32.const 2048) "nothing\0d\0aerror: is\1b[2J right\e2\80\ae")
(data (i32.const 212) "\00\08\00\00\20\00\00\00")

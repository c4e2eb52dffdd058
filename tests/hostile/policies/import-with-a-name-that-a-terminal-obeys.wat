;; Imports what clears a screen when it is named.
;;! at = "load"
;;! error = "Imports"
;;! says = "a policy imports nothing"
;;! exit = 2

(import "env\1b[2J" "\c2\9b31m\e2\80\aelog\0a\0aerror: all is lost" (func))

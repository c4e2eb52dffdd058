;; Its reason clears the screen, sets the title, turns the text, and begins a line of its own.
;;! at = "nothing"

(data (i32.const 2048) "\1b[2J\1b]0;owned\07\c2\9b31m\e2\80\aeevas\e2\80\a8\0d\0aerror: the disk is full\e2\80\8b\f3\a0\80\81\7f")
(data (i32.const 412) "\00\08\00\00\40\00\00\00")

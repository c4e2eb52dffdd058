;; Each kind of a value may be one of four others, as deep as anybody looks.
;;! at = "nothing"

(memory $memory (export "memory") 4)
(global $next (mut i32) (i32.const 131072))
(data (i32.const 2048) "{\22$defs\22:{\22k\22:{\22anyOf\22:[{\22type\22:\22array\22,\22items\22:{\22$ref\22:\22#/$defs/k\22}},{\22type\22:\22array\22,\22items\22:{\22$ref\22:\22#/$defs/k\22}},{\22type\22:\22array\22,\22items\22:{\22$ref\22:\22#/$defs/k\22}},{\22type\22:\22null\22}]}},\22properties\22:{\22x\22:{\22$ref\22:\22#/$defs/k\22}}}")
(data (i32.const 124) "\00\08\00\00\dd\00\00\00")

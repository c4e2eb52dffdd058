;; A policy that behaves: it is asked at `validation-end`, adds up a one of each rank, and abstains.
;;
;; A case is a list of fields that are added to these; one that has the kind and the name of a field here takes its
;; place. The answers lie still, so that a case can write over a part of one with data of its own:
;;
;;   describe at 100   name 100, version 108, summary 116, config-schema 124, each an address and a length
;;   prepare at 200    result 200 (0 is ok); plan: inputs 208, features 216, reductions 220, view 228, moments 232,
;;                     every-steps 240, passive 248; settings 256, state 264
;;                     in an error: its kind 208, its text 212
;;   observe at 300    result 300; features 304; in an error: its kind 304, its text 308
;;   decide at 400     result 400; ballot 408, reason 412, figures 420, tags 428, labels 436, hold 444, release 452,
;;                     stop 460, not-before 464 with its value at 472, state 480
;;                     in an error: its kind 408, its text 412
;;
;; From 1000 to 1100 lie texts, from 500 to 600 what lists consist of. 2048 and above is free.

(type $realloc (func (param i32 i32 i32 i32) (result i32)))
(type $describe (func (result i32)))
(type $prepare (func (param $config i32) (param $config_len i32)
    (param $previous i32) (param $previous_at i32) (param $previous_len i32) (result i32)))
(type $observe (func (param $settings i32) (param $settings_len i32) (param $state i32) (param $state_len i32)
    (param $moment i32) (param $moment_value i32) (param $step i64) (param $epoch i64) (param $rank i32)
    (param $world i32) (param $values i32) (param $values_len i32)
    (param $checkpoints i32) (param $checkpoints_len i32) (result i32)))
(type $decide (func (param $settings i32) (param $settings_len i32) (param $state i32) (param $state_len i32)
    (param $moment i32) (param $step i64) (param $epoch i64) (param $world i32)
    (param $elapsed i32) (param $elapsed_value f64) (param $candidate i64) (param $values i32) (param $values_len i32)
    (param $checkpoints i32) (param $checkpoints_len i32) (result i32)))

(memory $memory (export "memory") 2)

;; The name, a schema that takes any configuration, and a plan of one feature, its sum, and one moment.
(data (i32.const 100) "\e8\03\00\00\05\00\00\00")
(data (i32.const 124) "\42\04\00\00\02\00\00\00")
(data (i32.const 216) "\01\00\00\00\f4\01\00\00\01\00\00\00")
(data (i32.const 232) "\08\02\00\00\01\00\00\00")
(data (i32.const 500) "\01")
(data (i32.const 520) "\f0\03\00\00\0e\00\00\00")
(data (i32.const 1000) "plain")
(data (i32.const 1008) "validation-end")
(data (i32.const 1090) "{}")
;; The features: one.
(data (i32.const 304) "\20\02\00\00\01\00\00\00")
(data (i32.const 544) "\01\00\00\00\00\00\00\00\00\00\00\00\00\00\f0\3f")

;; Hands out what lies behind 4096, and never takes anything back.
(global $next (mut i32) (i32.const 4096))
(func $realloc (type $realloc)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get 3)))
    (loop $more
        (if (i32.gt_u (global.get $next) (i32.mul (memory.size) (i32.const 65536)))
            (then
                (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
                (br $more))))
    (local.get $at))
(func $free (param i32) (global.set $next (i32.const 4096)))

(func $describe (type $describe) (i32.const 100))
(func $prepare (type $prepare) (i32.const 200))
(func $observe (type $observe) (i32.const 300))
(func $decide (type $decide) (i32.const 400))

(export "cabi_realloc" (func $realloc))
(export "ckpt:policy/policy@0.1.0#describe" (func $describe))
(export "ckpt:policy/policy@0.1.0#prepare" (func $prepare))
(export "ckpt:policy/policy@0.1.0#observe" (func $observe))
(export "ckpt:policy/policy@0.1.0#decide" (func $decide))
(export "cabi_post_ckpt:policy/policy@0.1.0#observe" (func $free))
(export "cabi_post_ckpt:policy/policy@0.1.0#decide" (func $free))

pub struct Bomb {
    pub name: &'static str,
    pub fields: fn(usize) -> String,
    pub n: usize,
}
fn many(n: usize, f: impl Fn(usize) -> String) -> String {
    (0..n).map(f).collect()
}
fn locals(n: usize, t: &str) -> String {
    if n == 0 {
        String::new()
    } else {
        format!("(local {})", format!("{t} ").repeat(n))
    }
}
fn func(params: &str, body: String) -> String {
    format!("(func {params} {body})")
}
pub fn bombs() -> Vec<Bomb> {
    vec![
        Bomb {
            name: "adds",
            n: 20000,
            fields: |n| {
                func(
                    "(param i32) (result i32)",
                    format!("local.get 0 {}", "i32.const 7 i32.add ".repeat(n)),
                )
            },
        },
        Bomb {
            name: "const_drop",
            n: 20000,
            fields: |n| func("", "i32.const 7 drop ".repeat(n)),
        },
        Bomb {
            name: "nops",
            n: 200000,
            fields: |n| func("", "nop ".repeat(n)),
        },
        Bomb {
            name: "local_tee",
            n: 20000,
            fields: |n| func("(param i32)", "local.get 0 local.tee 0 drop ".repeat(n)),
        },
        Bomb {
            name: "locals_loops",
            n: 300,
            fields: |n| {
                func(
                    "",
                    format!(
                        "{} {} {}",
                        locals(n, "i32"),
                        "(loop) ".repeat(n),
                        many(n, |i| format!("local.get {i} drop "))
                    ),
                )
            },
        },
        Bomb {
            name: "locals_loops_live",
            n: 300,
            fields: |n| {
                func(
                    "",
                    format!(
                        "{} {} {} {} ",
                        locals(n, "i32"),
                        many(n, |i| format!("i32.const {i} local.set {i} ")),
                        "(loop) ".repeat(n),
                        many(n, |i| format!("local.get {i} i32.const 0 i32.store "))
                    ),
                )
            },
        },
        Bomb {
            name: "locals_br_loops",
            n: 300,
            fields: |n| {
                func(
                    "(param i32)",
                    format!(
                        "{} {} {} {} ",
                        locals(n, "i32"),
                        many(n, |i| format!("i32.const {i} local.set {} ", i + 1)),
                        many(n, |i| format!(
                            "(loop (local.set {} (i32.add (local.get {}) (local.get 0))) (br_if 0 (local.get 0)))",
                            i + 1,
                            i + 1
                        )),
                        many(n, |i| format!("local.get {} i32.const 0 i32.store ", i + 1))
                    ),
                )
            },
        },
        Bomb {
            name: "locals_brif",
            n: 300,
            fields: |n| {
                func(
                    "(param i32)",
                    format!(
                        "{} (block {}) {} ",
                        locals(n, "i32"),
                        many(n, |i| format!(
                            "(local.set {} (i32.add (local.get {}) (local.get 0))) (br_if 0 (local.get 0)) ",
                            i + 1,
                            i + 1
                        )),
                        many(n, |i| format!("local.get 0 local.get {} i32.store ", i + 1))
                    ),
                )
            },
        },
        Bomb {
            name: "locals_ifs",
            n: 300,
            fields: |n| {
                func(
                    "(param i32)",
                    format!(
                        "{} {} {} ",
                        locals(n, "i32"),
                        many(n, |i| format!(
                            "(if (local.get 0) (then (local.set {} (local.get 0))) (else (local.set {} (i32.const {i})))) ",
                            i + 1,
                            (i * 7) % n + 1
                        )),
                        many(n, |i| format!("local.get 0 local.get {} i32.store ", i + 1))
                    ),
                )
            },
        },
        Bomb {
            name: "stack_brif",
            n: 300,
            fields: |n| {
                func(
                    "(param i32)",
                    format!(
                        "{} {} {} ",
                        "(i32.load (local.get 0)) ".repeat(n),
                        "(block (br_if 0 (local.get 0))) ".repeat(n),
                        "drop ".repeat(n)
                    ),
                )
            },
        },
        Bomb {
            name: "stack_brif_used",
            n: 300,
            fields: |n| {
                func(
                    "(param i32) (result i32)",
                    format!(
                        "{} {} {} ",
                        "(i32.load (local.get 0)) ".repeat(n),
                        "(block (br_if 0 (local.get 0))) ".repeat(n),
                        "i32.add ".repeat(n - 1)
                    ),
                )
            },
        },
        Bomb {
            name: "stack_loops_used",
            n: 300,
            fields: |n| {
                func(
                    "(param i32) (result i32)",
                    format!(
                        "{} {} {} ",
                        "(i32.load (local.get 0)) ".repeat(n),
                        "(loop (br_if 0 (local.get 0))) ".repeat(n),
                        "i32.add ".repeat(n - 1)
                    ),
                )
            },
        },
        Bomb {
            name: "stack_deep",
            n: 20000,
            fields: |n| {
                func(
                    "(param i32) (result i32)",
                    format!(
                        "{} {} ",
                        "(i32.load (local.get 0)) ".repeat(n),
                        "i32.add ".repeat(n - 1)
                    ),
                )
            },
        },
        Bomb {
            name: "stack_calls",
            n: 300,
            fields: |n| {
                format!(
                    "(func $f)(func (param i32) (result i32) {} {} {})",
                    "(i32.load (local.get 0)) ".repeat(n),
                    "(call $f) ".repeat(n),
                    "i32.add ".repeat(n - 1)
                )
            },
        },
        Bomb {
            name: "stack_calls_used",
            n: 3000,
            fields: |n| {
                format!(
                    "(func $f)(func (param i32) (result i32) {} {})",
                    "(i32.load (local.get 0)) (call $f) ".repeat(n),
                    "i32.add call $f ".repeat(n - 1)
                )
            },
        },
        Bomb {
            name: "br_table",
            n: 5000,
            fields: |n| {
                func(
                    "(param i32)",
                    format!("(block (br_table {} (local.get 0)))", "0 ".repeat(n)),
                )
            },
        },
        Bomb {
            name: "br_tables_deep",
            n: 200,
            fields: |n| {
                func(
                    "(param i32)",
                    format!(
                        "{} {} {}",
                        "block ".repeat(n),
                        format!(
                            "(if (local.get 0) (then (br_table {} (local.get 0)))) ",
                            many(n, |i| format!("{i} "))
                        )
                        .repeat(n),
                        "end ".repeat(n)
                    ),
                )
            },
        },
        Bomb {
            name: "nested_blocks",
            n: 5000,
            fields: |n| {
                func(
                    "(param i32)",
                    format!(
                        "{} (br_if 3 (local.get 0)) {}",
                        "block ".repeat(n),
                        "end ".repeat(n)
                    ),
                )
            },
        },
        Bomb {
            name: "nested_ifs",
            n: 5000,
            fields: |n| {
                func(
                    "(param i32)",
                    format!("{} {}", "local.get 0 if ".repeat(n), "end ".repeat(n)),
                )
            },
        },
        Bomb {
            name: "nested_loops_locals",
            n: 200,
            fields: |n| {
                func(
                    "(param i32)",
                    format!(
                        "{} {} {} {}",
                        locals(n, "i64"),
                        "loop ".repeat(n),
                        many(n, |i| format!(
                            "(local.set {} (i64.add (local.get {}) (i64.const 3))) (br_if {i} (local.get 0)) ",
                            i + 1,
                            i + 1
                        )),
                        "end ".repeat(n)
                    ),
                )
            },
        },
        Bomb {
            name: "multi_blocks",
            n: 1000,
            fields: |n| {
                format!(
                    "(type $t (func (param {p}) (result {p})))(func (param i32) {} {} {})",
                    "local.get 0 ".repeat(100),
                    "(block (type $t) (br_if 0 (local.get 0)) ) ".repeat(n),
                    "drop ".repeat(100),
                    p = "i32 ".repeat(100)
                )
            },
        },
        Bomb {
            name: "results_1000",
            n: 300,
            fields: |n| {
                format!(
                    "(type $t (func (param {p}) (result {p})))(func $f (type $t) {g})(func (type $t) {g} {c})",
                    p = "i32 ".repeat(1000),
                    g = many(1000, |i| format!("local.get {i} ")),
                    c = "call $f ".repeat(n)
                )
            },
        },
        Bomb {
            name: "calls_16",
            n: 3000,
            fields: |n| {
                format!(
                    "(func $f (param {}) )(func (param i32) {})",
                    "i32 ".repeat(16),
                    format!("{} call $f ", "local.get 0 ".repeat(16)).repeat(n)
                )
            },
        },
        Bomb {
            name: "calls_0",
            n: 20000,
            fields: |n| format!("(func $f)(func {})", "call $f ".repeat(n)),
        },
        Bomb {
            name: "call_indirect",
            n: 5000,
            fields: |n| {
                format!(
                    "(table 1 funcref)(func (param i32) {})",
                    "(call_indirect (local.get 0)) ".repeat(n)
                )
            },
        },
        Bomb {
            name: "return_calls",
            n: 5000,
            fields: |n| {
                format!(
                    "(func $f)(func (param i32) {})",
                    "(if (local.get 0) (then return_call $f)) ".repeat(n)
                )
            },
        },
        Bomb {
            name: "tiny_functions",
            n: 5000,
            fields: |n| "(func)".repeat(n),
        },
        Bomb {
            name: "tiny_exported",
            n: 5000,
            fields: |n| many(n, |i| format!("(func (export \"{i}\"))")),
        },
        Bomb {
            name: "elem_functions",
            n: 3000,
            fields: |n| {
                format!(
                    "{} (table {n} funcref) (elem (i32.const 0) {})",
                    many(n, |i| format!(
                        "(func $g{i} (param i32 i64 f32 f64) (result i32) local.get 0)"
                    )),
                    many(n, |i| format!("$g{i} "))
                )
            },
        },
        Bomb {
            name: "types_params",
            n: 300,
            fields: |n| {
                many(n, |i| {
                    format!(
                        "(func (export \"{i}\") (param {} {} ))",
                        "i32 ".repeat(100),
                        many(12, |b| (if i >> b & 1 == 1 { "i32 " } else { "i64 " })
                            .to_owned())
                    )
                })
            },
        },
        Bomb {
            name: "types_results",
            n: 300,
            fields: |n| {
                many(n, |i| {
                    format!(
                        "(func (export \"{i}\") (result {} {} ) unreachable)",
                        "i32 ".repeat(100),
                        many(12, |b| (if i >> b & 1 == 1 { "i32 " } else { "i64 " })
                            .to_owned())
                    )
                })
            },
        },
        Bomb {
            name: "types_only",
            n: 5000,
            fields: |n| {
                many(n, |i| {
                    format!(
                        "(type (func (param {})))",
                        many(16, |b| (if i >> b & 1 == 1 { "i32 " } else { "i64 " })
                            .to_owned())
                    )
                })
            },
        },
        Bomb {
            name: "loads",
            n: 10000,
            fields: |n| {
                func(
                    "(param i32)",
                    "(drop (i64.load offset=1000 (local.get 0))) ".repeat(n),
                )
            },
        },
        Bomb {
            name: "stores",
            n: 10000,
            fields: |n| {
                func(
                    "(param i32)",
                    "(i64.store offset=70000 (local.get 0) (i64.const 3)) ".repeat(n),
                )
            },
        },
        Bomb {
            name: "v128_loads",
            n: 5000,
            fields: |n| {
                func(
                    "(param i32) (param v128)",
                    "(local.set 1 (v128.load16_lane offset=1000 3 (local.get 0) (local.get 1))) "
                        .repeat(n),
                )
            },
        },
        Bomb {
            name: "div_s",
            n: 5000,
            fields: |n| {
                func(
                    "(param i64) (result i64)",
                    format!(
                        "local.get 0 {}",
                        "local.get 0 i64.div_s local.get 0 i64.rem_s ".repeat(n)
                    ),
                )
            },
        },
        Bomb {
            name: "trunc",
            n: 5000,
            fields: |n| {
                func(
                    "(param f64) (result i64)",
                    format!(
                        "i64.const 0 {}",
                        "local.get 0 i64.trunc_f64_u i64.add ".repeat(n)
                    ),
                )
            },
        },
        Bomb {
            name: "f64_add",
            n: 10000,
            fields: |n| {
                func(
                    "(param f64) (result f64)",
                    format!(
                        "local.get 0 {}",
                        "local.get 0 f64.add local.get 0 f64.min ".repeat(n)
                    ),
                )
            },
        },
        Bomb {
            name: "f64_floor",
            n: 10000,
            fields: |n| {
                func(
                    "(param f64) (result f64)",
                    format!("local.get 0 {}", "f64.floor f64.nearest ".repeat(n)),
                )
            },
        },
        Bomb {
            name: "simd_float",
            n: 5000,
            fields: |n| {
                func(
                    "(param v128) (result v128)",
                    format!(
                        "local.get 0 {}",
                        "local.get 0 f64x2.add local.get 0 f32x4.min f64x2.floor ".repeat(n)
                    ),
                )
            },
        },
        Bomb {
            name: "simd_shl",
            n: 5000,
            fields: |n| {
                func("(param v128) (result v128)", format!("local.get 0 {}", "i32.const 3 i8x16.shl local.get 0 i64x2.mul i32x4.trunc_sat_f32x4_u i8x16.popcnt ".repeat(n)))
            },
        },
        Bomb {
            name: "simd_swizzle",
            n: 5000,
            fields: |n| {
                func("(param v128) (result v128)", format!("local.get 0 {}", "local.get 0 i8x16.shuffle 0 17 2 19 4 21 6 23 8 25 10 27 12 29 14 31 i8x16.abs local.get 0 i8x16.swizzle f32x4.convert_i32x4_u ".repeat(n)))
            },
        },
        Bomb {
            name: "simd_sar",
            n: 5000,
            fields: |n| {
                func(
                    "(param v128) (param i32) (result v128)",
                    format!(
                        "local.get 0 {}",
                        "local.get 1 i8x16.shr_s local.get 1 i64x2.shr_s ".repeat(n)
                    ),
                )
            },
        },
        Bomb {
            name: "trunc_sat_f64x2",
            n: 5000,
            fields: |n| {
                func("(param v128) (result v128)", format!("local.get 0 {}", "i32x4.trunc_sat_f64x2_u_zero i16x8.extadd_pairwise_i8x16_s i32x4.trunc_sat_f32x4_s ".repeat(n)))
            },
        },
        Bomb {
            name: "v128_const",
            n: 10000,
            fields: |n| {
                func(
                    "(result v128)",
                    format!(
                        "v128.const i64x2 0 0 {}",
                        many(n, |i| format!("v128.const i64x2 {i} 77 v128.xor "))
                    ),
                )
            },
        },
        Bomb {
            name: "f64_const",
            n: 10000,
            fields: |n| {
                func(
                    "(result f64)",
                    format!(
                        "f64.const 0 {}",
                        many(n, |i| format!("f64.const {i}.25 f64.add "))
                    ),
                )
            },
        },
        Bomb {
            name: "selects",
            n: 10000,
            fields: |n| {
                func(
                    "(param i32) (result i32)",
                    format!(
                        "local.get 0 {}",
                        "local.get 0 local.get 0 select ".repeat(n)
                    ),
                )
            },
        },
        Bomb {
            name: "v128_selects",
            n: 5000,
            fields: |n| {
                func(
                    "(param v128 i32) (result v128)",
                    format!(
                        "local.get 0 {}",
                        "local.get 0 local.get 1 select ".repeat(n)
                    ),
                )
            },
        },
        Bomb {
            name: "globals",
            n: 10000,
            fields: |n| {
                format!(
                    "(global $g (mut i64) (i64.const 0)) (func {})",
                    "(global.set $g (global.get $g)) ".repeat(n)
                )
            },
        },
        Bomb {
            name: "globals_v128",
            n: 10000,
            fields: |n| {
                format!(
                    "(global $g (mut v128) (v128.const i64x2 0 0)) (func {})",
                    "(global.set $g (global.get $g)) ".repeat(n)
                )
            },
        },
        Bomb {
            name: "table_ops",
            n: 3000,
            fields: |n| {
                format!(
                    "(table 1 funcref)(func (param i32) {})",
                    "(table.set (local.get 0) (table.get (local.get 0))) ".repeat(n)
                )
            },
        },
        Bomb {
            name: "table_fill",
            n: 3000,
            fields: |n| {
                format!("(table 1 funcref)(func (param i32) {})", "(table.fill (local.get 0) (ref.null func) (local.get 0)) (drop (table.grow (ref.null func) (local.get 0))) ".repeat(n))
            },
        },
        Bomb {
            name: "memory_copy",
            n: 3000,
            fields: |n| {
                func("(param i32)", "(memory.copy (local.get 0) (local.get 0) (local.get 0)) (memory.fill (local.get 0) (local.get 0) (local.get 0))".repeat(n))
            },
        },
        Bomb {
            name: "memory_grow",
            n: 5000,
            fields: |n| {
                func(
                    "(param i32)",
                    "(drop (memory.grow (local.get 0))) (drop (memory.size))".repeat(n),
                )
            },
        },
        Bomb {
            name: "unreachables",
            n: 20000,
            fields: |n| {
                func(
                    "(param i32)",
                    "(if (local.get 0) (then unreachable)) ".repeat(n),
                )
            },
        },
        Bomb {
            name: "returns",
            n: 10000,
            fields: |n| {
                func(
                    "(param i32) (result i32)",
                    format!(
                        "{} i32.const 0",
                        "(if (local.get 0) (then (return (local.get 0)))) ".repeat(n)
                    ),
                )
            },
        },
        Bomb {
            name: "globals_many",
            n: 20000,
            fields: |n| "(global i32 (i32.const 0))".repeat(n),
        },
        Bomb {
            name: "data_many",
            n: 20000,
            fields: |n| {
                many(n, |i| {
                    format!("(data (i32.const {}) \"x\")", (i * 3) % 65536)
                })
            },
        },
        Bomb {
            name: "data_passive",
            n: 20000,
            fields: |n| "(data \"x\")".repeat(n),
        },
        Bomb {
            name: "elem_many",
            n: 20000,
            fields: |n| {
                format!(
                    "(func $f)(table 10 funcref){}",
                    "(elem (i32.const 0) $f)".repeat(n)
                )
            },
        },
        Bomb {
            name: "elem_passive",
            n: 20000,
            fields: |n| format!("(func $f){}", "(elem funcref (ref.func $f))".repeat(n)),
        },
        Bomb {
            name: "elem_big",
            n: 100000,
            fields: |n| {
                format!(
                    "(func $f)(table {n} funcref)(elem (i32.const 0) {})",
                    "$f ".repeat(n)
                )
            },
        },
        Bomb {
            name: "elem_expr",
            n: 50000,
            fields: |n| {
                format!(
                    "(func $f)(table {n} funcref)(elem (i32.const 0) funcref {})",
                    "(ref.func $f) ".repeat(n)
                )
            },
        },
        Bomb {
            name: "reexports",
            n: 20000,
            fields: |n| {
                format!(
                    "(func $f){}",
                    many(n, |i| format!("(export \"{i:08}\" (func $f))"))
                )
            },
        },
        Bomb {
            name: "global_exprs",
            n: 2000,
            fields: |n| {
                many(n, |_| {
                    format!(
                        "(global i32 {})",
                        format!("(i32.const 0) {}", "(i32.const 1) (i32.add) ".repeat(10))
                    )
                })
            },
        },
    ]
}

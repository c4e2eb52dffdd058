//! Files that are small, and much work to compile: each holds one thing over and over.
//!
//! What is said of a function's size is what makes the thing the worst: some cost grows with the
//! square of a size that the bounds allow only so much of.

/// Fields of a module that can be had as many times as it takes.
pub(crate) struct Bomb {
    pub(crate) name: &'static str,
    /// Once, before all others.
    shared: &'static str,
    /// The one with this index.
    one: fn(usize) -> String,
    /// So many are more work than is allowed.
    pub(crate) too_much: usize,
}

impl Bomb {
    /// Returns the fields, with so many of what there is much of.
    pub(crate) fn with(&self, count: usize) -> String {
        let many: String = (0..count).map(self.one).collect();
        format!("{}{many}", self.shared)
    }
}

/// Returns the bomb of a name.
pub(crate) fn named(name: &str) -> &'static Bomb {
    let mut all = ALL.iter();
    all.find(|bomb| bomb.name == name)
        .expect("there is a bomb of this name")
}

/// All bombs: code, calls, memory, numbers, and what is around code.
pub(crate) const ALL: &[Bomb] = &[
    bomb("additions", "", 40, |_| {
        let body = "i32.const 7 i32.add ".repeat(20_000);
        format!("(func (param i32) (result i32) local.get 0 {body})")
    }),
    bomb("branches that carry locals", "", 8, |_| {
        let branch = |at| {
            format!(
                "(local.set {at} (i32.add (local.get {at}) (local.get 0))) (br_if 0 (local.get 0))"
            )
        };
        format!(
            "(func (param i32) {} (block {}) {})",
            i32s(900),
            each(900, branch),
            each(900, store)
        )
    }),
    bomb("loops that carry locals", "", 8, |_| {
        let turn = |at| {
            format!(
                "(loop (local.set {at} (i32.add (local.get {at}) (local.get 0))) (br_if 0 (local.get 0)))"
            )
        };
        format!(
            "(func (param i32) {} {} {})",
            i32s(400),
            each(400, turn),
            each(400, store)
        )
    }),
    bomb("alternatives that set locals", "", 8, |_| {
        let turn = |at| {
            format!(
                "(if (local.get 0) (then (local.set {at} (local.get 0))) (else (local.set {} (i32.const {at}))))",
                at * 7 % 600 + 1
            )
        };
        format!(
            "(func (param i32) {} {} {})",
            i32s(600),
            each(600, turn),
            each(600, store)
        )
    }),
    bomb("a deep operand stack", "", 4, |_| {
        let (push, pop) = (
            "(i32.load (local.get 0)) ".repeat(3000),
            "i32.add ".repeat(2999),
        );
        format!("(func (param i32) (result i32) {push} {pop})")
    }),
    bomb("loops over a deep operand stack", "", 6, |_| {
        let (push, pop) = (
            "(i32.load (local.get 0)) ".repeat(600),
            "i32.add ".repeat(599),
        );
        let turns = "(loop (br_if 0 (local.get 0))) ".repeat(600);
        format!("(func (param i32) (result i32) {push} {turns} {pop})")
    }),
    bomb("calls between the uses of a stack", "(func $f)", 4, |_| {
        let (push, pop) = (
            "(i32.load (local.get 0)) call $f ".repeat(2500),
            "i32.add call $f ".repeat(2499),
        );
        format!("(func (param i32) (result i32) {push} {pop})")
    }),
    bomb("loops that do nothing", "", 60, |_| {
        format!("(func {})", "(loop) ".repeat(1000))
    }),
    bomb("values that are handed on", "", 60, |_| {
        let choice =
            "(drop (if (result i64) (i32.const 1) (then (local.get 0)) (else (i64.const 2)))) ";
        format!("(func (local i64) {})", choice.repeat(2000))
    }),
    bomb("look-ups in a table", "(table $t 1 funcref)", 60, |_| {
        let look = "(drop (table.get $t (i32.const 0))) ";
        format!("(func {})", look.repeat(2000))
    }),
    bomb("branches far forward", "", 6, |_| {
        let branch = |at| format!("(br_if {} (local.get 0)) ", at % 100);
        format!(
            "(func (param i32) {} {} {})",
            "block ".repeat(100),
            each(9000, branch),
            "end ".repeat(100)
        )
    }),
    bomb("tables of branches", "", 8, |_| {
        let table = format!(
            "(if (local.get 0) (then (br_table {} (local.get 0)))) ",
            each(200, |at| format!("{} ", at - 1))
        );
        format!(
            "(func (param i32) {} {} {})",
            "block ".repeat(200),
            table.repeat(100),
            "end ".repeat(200)
        )
    }),
    bomb("alternatives in each other", "", 3200, |_| {
        format!(
            "(func (param i32) {} {})",
            "local.get 0 if ".repeat(250),
            "end ".repeat(250)
        )
    }),
    bomb("loops in each other", "", 40, |_| {
        let turn = |at| {
            format!(
                "(local.set {at} (i64.add (local.get {at}) (i64.const 3))) (br_if {} (local.get 0)) ",
                at - 1
            )
        };
        format!(
            "(func (param i32) (local {}) {} {} {})",
            "i64 ".repeat(250),
            "loop ".repeat(250),
            each(250, turn),
            "end ".repeat(250)
        )
    }),
    bomb(
        "blocks of many values",
        "(type $many (func (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32 i32 i32 i32 i32 i32 i32 i32)))",
        20,
        |_| {
            let block = "(block (type $many) (br_if 0 (local.get 0))) ".repeat(500);
            format!(
                "(func (param i32) {} {block} {})",
                "local.get 0 ".repeat(8),
                "drop ".repeat(8)
            )
        },
    ),
    bomb("calls of many results", "", 20, |at| {
        let values = "i64 ".repeat(900);
        let own = each(900, |at| format!("local.get {} ", at - 1));
        format!(
            "(func $r{at} (param {values}) (result {values}) {own} {})",
            format!("call $r{at} ").repeat(3)
        )
    }),
    bomb(
        "calls of many parameters",
        "(func $p (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64))",
        40,
        |_| {
            let call = format!("{} call $p ", "local.get 0 ".repeat(12));
            format!("(func (param i64) {})", call.repeat(4000))
        },
    ),
    bomb("calls of small functions", "(func $f)", 40, |_| {
        format!("(func {})", "call $f ".repeat(10_000))
    }),
    bomb("calls through a table", "(table $t 1 funcref)", 60, |_| {
        format!(
            "(func (param i32) {})",
            "(call_indirect $t (local.get 0)) ".repeat(1000)
        )
    }),
    bomb("tail calls", "(func $f)", 60, |_| {
        format!(
            "(func (param i32) {})",
            "(if (local.get 0) (then return_call $f)) ".repeat(5000)
        )
    }),
    bomb("returns", "", 80, |_| {
        let returns = "(if (local.get 0) (then (return (local.get 0)))) ".repeat(5000);
        format!("(func (param i32) (result i32) {returns} i32.const 0)")
    }),
    bomb("traps", "", 80, |_| {
        format!(
            "(func (param i32) {})",
            "(if (local.get 0) (then unreachable)) ".repeat(8000)
        )
    }),
    bomb("loads", "", 60, |_| {
        format!(
            "(func (param i32) {})",
            "(drop (i64.load offset=1000 (local.get 0))) ".repeat(10_000)
        )
    }),
    bomb("stores", "", 30, |_| {
        format!(
            "(func (param i32) {})",
            "(i64.store offset=70000 (local.get 0) (i64.const 3)) ".repeat(10_000)
        )
    }),
    bomb("loads of lanes", "", 60, |_| {
        let load = "(local.set 1 (v128.load16_lane offset=1000 3 (local.get 0) (local.get 1))) ";
        format!("(func (param i32 v128) {})", load.repeat(5000))
    }),
    bomb("copies of memory", "", 20, |_| {
        let copy = "(memory.copy (local.get 0) (local.get 0) (local.get 0)) (memory.fill (local.get 0) (local.get 0) (local.get 0)) ";
        format!("(func (param i32) {})", copy.repeat(2000))
    }),
    bomb("growth of memory", "", 60, |_| {
        format!(
            "(func (param i32) {})",
            "(drop (memory.grow (local.get 0))) ".repeat(1000)
        )
    }),
    bomb("entries of tables", "(table $t 1 funcref)", 60, |_| {
        let copy = "(table.set $t (local.get 0) (table.get $t (local.get 0))) ";
        format!("(func (param i32) {})", copy.repeat(1000))
    }),
    bomb("growth of tables", "(table $t 1 funcref)", 20, |_| {
        let grow = "(table.fill $t (local.get 0) (ref.null func) (local.get 0)) (drop (table.grow $t (ref.null func) (local.get 0))) ";
        format!("(func (param i32) {})", grow.repeat(2000))
    }),
    bomb("divisions", "", 40, |_| {
        let divide = "local.get 0 i64.div_s local.get 0 i64.rem_s ".repeat(4000);
        format!("(func (param i64) (result i64) local.get 0 {divide})")
    }),
    bomb("truncations", "", 40, |_| {
        let truncate = "local.get 0 i64.trunc_f64_u i64.add ".repeat(4000);
        format!("(func (param f64) (result i64) i64.const 0 {truncate})")
    }),
    bomb("sums of floating point", "", 30, |_| {
        let add = "local.get 0 f64.add local.get 0 f64.min ".repeat(8000);
        format!("(func (param f64) (result f64) local.get 0 {add})")
    }),
    bomb("rounding", "", 30, |_| {
        format!(
            "(func (param f64) (result f64) local.get 0 {})",
            "f64.floor f64.nearest ".repeat(10_000)
        )
    }),
    bomb("constants of floating point", "", 30, |_| {
        let add = each(8000, |at| format!("f64.const {at}.25 f64.add "));
        format!("(func (result f64) f64.const 0 {add})")
    }),
    bomb("vectors of floating point", "", 30, |_| {
        let add = "local.get 0 f64x2.add local.get 0 f32x4.min f64x2.floor ".repeat(4000);
        format!("(func (param v128) (result v128) local.get 0 {add})")
    }),
    bomb("vectors of integers", "", 30, |_| {
        let shift =
            "i32.const 3 i8x16.shl local.get 0 i64x2.mul i32x4.trunc_sat_f32x4_u i8x16.popcnt "
                .repeat(4000);
        format!("(func (param v128) (result v128) local.get 0 {shift})")
    }),
    bomb("lanes that change their places", "", 30, |_| {
        let shuffle = "local.get 0 i8x16.shuffle 0 17 2 19 4 21 6 23 8 25 10 27 12 29 14 31 local.get 0 i8x16.swizzle ";
        format!(
            "(func (param v128) (result v128) local.get 0 {})",
            shuffle.repeat(4000)
        )
    }),
    bomb(
        "globals",
        "(global $g (mut i64) (i64.const 0))",
        200,
        |_| {
            format!(
                "(func {})",
                "(global.set $g (global.get $g)) ".repeat(10_000)
            )
        },
    ),
    bomb("functions that are exported", "", 9900, |at| {
        let params = "i64 ".repeat(40);
        format!(r#"(func (export "function-{at}") (param {params}) (result i64) local.get 0)"#)
    }),
    bomb("types of many parameters", "", 4000, |at| {
        let bits = each(12, |bit| {
            if at >> bit & 1 == 1 {
                "i32 ".to_owned()
            } else {
                "f64 ".to_owned()
            }
        });
        format!(
            r#"(func (export "function-{at}") (param {} {bits}))"#,
            "i64 ".repeat(100)
        )
    }),
    bomb("types of many results", "", 4000, |at| {
        let bits = each(12, |bit| {
            if at >> bit & 1 == 1 {
                "i32 ".to_owned()
            } else {
                "f64 ".to_owned()
            }
        });
        format!(
            r#"(func (export "function-{at}") (result {} {bits}) unreachable)"#,
            "i64 ".repeat(100)
        )
    }),
    bomb(
        "elements that are expressions",
        "(func $f) (table $t 20000 funcref)",
        10000,
        |at| format!("(elem (table $t) (i32.const {at}) funcref (ref.func $f))"),
    ),
    bomb("segments of elements", "(func $f)", 10000, |_| {
        "(elem funcref (ref.func $f))".to_owned()
    }),
    bomb("names of exports", "(func $f)", 210000, |at| {
        format!(r#"(export "name-{at:08}" (func $f))"#)
    }),
];

const fn bomb(
    name: &'static str,
    shared: &'static str,
    too_much: usize,
    one: fn(usize) -> String,
) -> Bomb {
    Bomb {
        name,
        shared,
        one,
        too_much,
    }
}

fn i32s(count: usize) -> String {
    format!("(local {})", "i32 ".repeat(count))
}

/// Text for each of the numbers from 1.
fn each(count: usize, text: impl Fn(usize) -> String) -> String {
    (1..=count).map(text).collect()
}

fn store(local: usize) -> String {
    format!("(i32.store (local.get 0) (local.get {local})) ")
}

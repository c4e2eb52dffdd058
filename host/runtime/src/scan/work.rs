//! The unit of work, and how many of them things take.
//!
//! A unit is about what compiling one plain instruction takes. The numbers were found by compiling
//! files that hold one thing a thousand times over, and raised until none took more than twice as
//! long by the unit as ordinary code does; what needs memory out of proportion counts accordingly.
//! `benches/jail.rs` shows how well they hold. Where the built-in policies take 0.32 to 0.40 seconds
//! with their 1.0 to 1.2 million units, and Python's 33 million take 16, the worst files that the
//! default of 2.5 million lets through took, each in an engine of its own, beside one large function
//! of their kind and many small ones where that takes longer:
//!
//! | what the file is full of | seconds |
//! |---|---|
//! | traps, each with a branch | 1.6 |
//! | branches that carry locals | 1.6 |
//! | calls of small functions | 1.5 |
//! | loads of lanes of vectors; rounding; loops in each other; copies of memory | 1.4 |
//! | the other kinds | below 1.4 |
//!
//! None of them took more than 240 MiB.

use wasmparser::Operator;

/// A function with nothing in it: the code around it, and its entry from the host.
pub(super) const FUNCTION: u64 = 220;

/// A parameter, local or result of a function, and one of its type.
pub(super) const PARAMETER: u64 = 9;

/// A type, for which there is code that calls a function of it.
pub(super) const TYPE: u64 = 200;

/// A global or import.
pub(super) const ITEM: u64 = 4;

/// An export, which the component around the module names once more.
pub(super) const EXPORT: u64 = 150;

/// A byte of an expression that is evaluated at the start.
pub(super) const CONSTANT: u64 = 8;

/// A segment of data or elements.
pub(super) const SEGMENT: u64 = 150;

/// An element that is a function's index, for which some kilobytes are laid out.
pub(super) const INDEX: u64 = 60;

/// An element that is an expression instead of an index: code of its own.
pub(super) const ELEMENT: u64 = 400;

/// One of several results or parameters that an instruction or a block hands on at once.
pub(super) const MANY: u64 = 100;

/// An edge between two blocks.
pub(super) const EDGE: u64 = 9;

/// The edges that a branch back to a loop counts for.
pub(super) const BACK: u64 = 7;

/// Branches of one function, of which this many are a unit of work to each one that is added: a
/// compiler looks through those whose target is still to come.
pub(super) const BRANCHES: u64 = 256;

/// Values that branches of one function hand on, of which this many are a unit of work to each one
/// that is added: a compiler tries to keep all that one value becomes in one place, and writes down
/// anew where that is with each of them.
pub(super) const HANDED: u64 = 16;

/// Values that are alive, of which this many are a unit of work to an instruction that has to look
/// at them.
pub(super) const ALIVE: u64 = 16;

/// Bytes of what no compiler reads, such as debug information, that are a unit.
pub(super) const IDLE: u64 = 64;

/// Bytes of the definitions of components, written out, that are a unit.
pub(super) const DEFINITION: u64 = 4;

/// Returns the work of one instruction, but for what it takes, gives, and finds alive.
pub(super) fn of(operator: &Operator<'_>) -> u64 {
    use Operator as Op;
    match operator {
        // Bounds to check, each with an exit of its own, and more.
        Op::CallIndirect { .. } | Op::ReturnCallIndirect { .. } => 200,
        // Asks whether there is fuel left, and time; finds out what an entry stands for.
        Op::Loop { .. } | Op::TableGet { .. } => 170,
        Op::MemoryCopy { .. } | Op::MemoryFill { .. } | Op::MemoryInit { .. } => 150,
        operator if truncates(operator) => 120,
        Op::TableGrow { .. } | Op::TableFill { .. } => 130,
        Op::MemoryGrow { .. } => 110,
        operator if stores(operator) => 50,
        operator if is_float(operator) => 26,
        Op::Call { .. } | Op::ReturnCall { .. } => 14,
        operator if divides(operator) => 40,
        operator if loads(operator) => 30,
        // Blocks of their own.
        Op::If { .. } | Op::Unreachable => 8,
        Op::BrTable { targets } => 1 + u64::from(targets.len()),
        operator if is_basic(operator) => 1,
        operator if is_vector(operator) => 24,
        // Bulk operations, and whatever is still to come.
        _ => 85,
    }
}

/// Returns how many branches an instruction comes to that is none itself.
pub(super) fn branches(operator: &Operator<'_>) -> u64 {
    use Operator as Op;
    match operator {
        // What the compiler grows for many of them it goes through for each function after that.
        Op::MemoryGrow { .. } => 12,
        Op::CallIndirect { .. } | Op::ReturnCallIndirect { .. } => 7,
        Op::Loop { .. } => 6,
        Op::TableGet { .. } => 4,
        Op::TableSet { .. } => 3,
        _ => 0,
    }
}

fn truncates(operator: &Operator<'_>) -> bool {
    use Operator as Op;
    matches!(
        operator,
        Op::I32TruncF32S
            | Op::I32TruncF32U
            | Op::I32TruncF64S
            | Op::I32TruncF64U
            | Op::I64TruncF32S
            | Op::I64TruncF32U
            | Op::I64TruncF64S
            | Op::I64TruncF64U
    )
}

fn divides(operator: &Operator<'_>) -> bool {
    use Operator as Op;
    matches!(
        operator,
        Op::I32DivS
            | Op::I32DivU
            | Op::I32RemS
            | Op::I32RemU
            | Op::I64DivS
            | Op::I64DivU
            | Op::I64RemS
            | Op::I64RemU
    )
}

fn loads(operator: &Operator<'_>) -> bool {
    use Operator as Op;
    matches!(
        operator,
        Op::I32Load { .. }
            | Op::I64Load { .. }
            | Op::F32Load { .. }
            | Op::F64Load { .. }
            | Op::I32Load8S { .. }
            | Op::I32Load8U { .. }
            | Op::I32Load16S { .. }
            | Op::I32Load16U { .. }
            | Op::I64Load8S { .. }
            | Op::I64Load8U { .. }
            | Op::I64Load16S { .. }
            | Op::I64Load16U { .. }
            | Op::I64Load32S { .. }
            | Op::I64Load32U { .. }
    )
}

fn stores(operator: &Operator<'_>) -> bool {
    use Operator as Op;
    matches!(
        operator,
        Op::I32Store { .. }
            | Op::I64Store { .. }
            | Op::F32Store { .. }
            | Op::F64Store { .. }
            | Op::I32Store8 { .. }
            | Op::I32Store16 { .. }
            | Op::I64Store8 { .. }
            | Op::I64Store16 { .. }
            | Op::I64Store32 { .. }
    )
}

/// Whether the result may be a NaN, which has to be made the same on all machines.
fn is_float(operator: &Operator<'_>) -> bool {
    use Operator as Op;
    matches!(
        operator,
        Op::F32Ceil
            | Op::F32Floor
            | Op::F32Trunc
            | Op::F32Nearest
            | Op::F32Sqrt
            | Op::F32Add
            | Op::F32Sub
            | Op::F32Mul
            | Op::F32Div
            | Op::F32Min
            | Op::F32Max
            | Op::F64Ceil
            | Op::F64Floor
            | Op::F64Trunc
            | Op::F64Nearest
            | Op::F64Sqrt
            | Op::F64Add
            | Op::F64Sub
            | Op::F64Mul
            | Op::F64Div
            | Op::F64Min
            | Op::F64Max
            | Op::F32DemoteF64
            | Op::F64PromoteF32
    )
}

/// Whether an instruction is of WebAssembly's first version, or extends a sign.
fn is_basic(operator: &Operator<'_>) -> bool {
    is_of(operator, |proposal| {
        matches!(proposal, "mvp" | "sign_extension")
    })
}

fn is_vector(operator: &Operator<'_>) -> bool {
    is_of(operator, |proposal| proposal == "simd")
}

/// Asks about the proposal that an instruction came with.
fn is_of(operator: &Operator<'_>, asked: fn(&str) -> bool) -> bool {
    macro_rules! proposal {
        ($(@$proposal:ident $operator:ident $({ $($field:ident: $of:ty),* })? => $visit:ident ($($rest:tt)*))*) => {
            match operator {
                $(Operator::$operator { .. } => stringify!($proposal),)*
                _ => "",
            }
        };
    }
    asked(wasmparser::for_each_operator!(proposal))
}

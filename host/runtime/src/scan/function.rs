//! What one function's body costs a compiler, by one walk over its instructions.
//!
//! A compiler without an optimiser takes time by the instruction, and by the values that it carries
//! over each edge between blocks: locals, and what lies on the operand stack. That product is what
//! makes a small body expensive, so it is counted here edge by edge. Nothing is type-checked: of a
//! body that is not valid, the count is only sensible up to where it is not.

use wasmparser::{
    BlockType, CompositeInnerType, ContType, FrameKind, FuncType, FunctionBody, ModuleArity,
    Operator, RefType, SubType,
};

use super::work;

/// What a walk over one body found.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Measured {
    pub(super) locals: u64,
    pub(super) nesting: u64,
    pub(super) work: u64,
}

/// The types of one module, as far as they have been read.
#[derive(Default)]
pub(super) struct Signatures {
    pub(super) types: Vec<SubType>,
    /// The type of each function, imported ones first.
    pub(super) functions: Vec<u32>,
}

impl Signatures {
    /// Returns how many numbers a function takes and gives; none where it has no type.
    fn shape(&self, function: u32) -> (u64, u64) {
        let index = self.functions.get(function as usize);
        let of_type = index.and_then(|index| self.types.get(*index as usize));
        of_type.map_or((0, 0), shape)
    }
}

/// Returns how many numbers a type takes and gives, where it is a function's.
pub(super) fn shape(of_type: &SubType) -> (u64, u64) {
    match &of_type.composite_type.inner {
        CompositeInnerType::Func(function) => (
            function.params().len() as u64,
            function.results().len() as u64,
        ),
        _ => (0, 0),
    }
}

/// Walks over the body of a function.
pub(super) fn measure(
    body: &FunctionBody<'_>,
    function: u32,
    signatures: &Signatures,
) -> wasmparser::Result<Measured> {
    let (params, results) = signatures.shape(function);
    let mut walk = Walk {
        signatures,
        frames: Vec::new(),
        height: 0,
        branches: 0,
        handed: 0,
        measured: Measured {
            locals: params,
            ..Measured::default()
        },
    };
    for group in body.get_locals_reader()? {
        let (count, _) = group?;
        walk.measured.locals += u64::from(count);
    }
    let index = signatures.functions.get(function as usize).copied();
    walk.open(
        index.map_or(BlockType::Empty, BlockType::FuncType),
        FrameKind::Block,
    );
    walk.measured.work =
        work::FUNCTION + work::PARAMETER * (params + results) + walk.measured.locals;
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        walk.step(&operators.read()?);
    }
    Ok(walk.measured)
}

/// A block that has not ended.
struct Frame {
    block: BlockType,
    kind: FrameKind,
    /// Values on the operand stack beneath it.
    base: u64,
}

struct Walk<'a> {
    signatures: &'a Signatures,
    frames: Vec<Frame>,
    height: u64,
    /// Branches so far.
    branches: u64,
    /// Values so far that branches have handed on.
    handed: u64,
    measured: Measured,
}

impl Walk<'_> {
    fn step(&mut self, operator: &Operator<'_>) {
        let (takes, gives) = operator.operator_arity(self).unwrap_or((0, 0));
        let (takes, gives) = (u64::from(takes), u64::from(gives));
        let (locals, stacked) = self.alive(operator);
        let many = if gives > 1 { gives * work::MANY } else { 0 };
        self.measured.work += work::of(operator) + takes + gives + many;
        self.measured.work += (locals + stacked) / work::ALIVE;
        self.measured.work += self.placed(operator) + self.handed(operator);
        match operator {
            Operator::Block { blockty } => self.open_over(*blockty, FrameKind::Block, takes),
            Operator::Loop { blockty } => self.open_over(*blockty, FrameKind::Loop, takes),
            Operator::If { blockty } => self.open_over(*blockty, FrameKind::If, takes),
            Operator::TryTable { try_table } => {
                self.open_over(try_table.ty, FrameKind::Block, takes);
            }
            Operator::Else => self.height = self.base() + gives,
            Operator::End => {
                let ended = self.frames.pop();
                self.height = ended.map_or(0, |frame| frame.base) + gives;
            }
            // What follows is unreachable, with a stack that holds whatever is asked of it.
            Operator::Br { .. }
            | Operator::BrTable { .. }
            | Operator::Return
            | Operator::Unreachable
            | Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. } => self.height = self.base(),
            _ => self.height = self.height.saturating_sub(takes).max(self.base()) + gives,
        }
    }

    fn open_over(&mut self, block: BlockType, kind: FrameKind, takes: u64) {
        let (params, _) = self.block_type_arity(block).unwrap_or((0, 0));
        self.height = self.height.saturating_sub(takes).max(self.base());
        self.open(block, kind);
        self.height += u64::from(params);
    }

    fn open(&mut self, block: BlockType, kind: FrameKind) {
        let base = self.height;
        self.frames.push(Frame { block, kind, base });
        self.measured.nesting = self.measured.nesting.max(self.frames.len() as u64);
    }

    /// Returns how long an instruction's branches take to be placed among all those before them.
    fn placed(&mut self, operator: &Operator<'_>) -> u64 {
        let branches = match operator {
            Operator::Br { .. } | Operator::BrIf { .. } | Operator::BrTable { .. } => {
                self.edges(operator)
            }
            operator => work::branches(operator),
        };
        self.branches += branches;
        branches * self.branches / work::BRANCHES
    }

    /// Returns how long it takes to find room for the values that an instruction hands on to where
    /// blocks meet, among all those that were handed on before.
    fn handed(&mut self, operator: &Operator<'_>) -> u64 {
        let carried = |depth: u32| {
            let arity = self.label_block(depth).and_then(|(block, kind)| {
                let (params, results) = self.block_type_arity(block)?;
                Some(if kind == FrameKind::Loop {
                    params
                } else {
                    results
                })
            });
            u64::from(arity.unwrap_or(0))
        };
        let values = match operator {
            Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => {
                carried(*relative_depth)
            }
            Operator::BrTable { targets } => carried(targets.default()) * self.edges(operator),
            Operator::Else | Operator::End | Operator::Loop { .. } => carried(0),
            _ => 0,
        };
        self.handed += values;
        values * self.handed / work::HANDED
    }

    /// Returns how many locals, and values on the operand stack, an instruction makes the compiler
    /// look at: all of them at each edge, which costs the most; those on the stack always, and the
    /// locals where a new value has to find room beside them.
    fn alive(&self, operator: &Operator<'_>) -> (u64, u64) {
        let edges = work::EDGE * self.edges(operator);
        let keeps = matches!(
            operator,
            Operator::LocalSet { .. } | Operator::LocalTee { .. }
        );
        (
            self.measured.locals * (edges + 2 * u64::from(keeps)),
            self.height * (edges + 2),
        )
    }

    fn base(&self) -> u64 {
        self.frames.last().map_or(0, |frame| frame.base)
    }

    /// Returns how many edges between blocks an instruction makes.
    fn edges(&self, operator: &Operator<'_>) -> u64 {
        match operator {
            Operator::Return | Operator::Block { .. } => 1,
            Operator::End | Operator::Loop { .. } | Operator::Else | Operator::If { .. } => 2,
            Operator::Br { relative_depth } => self.jump(*relative_depth),
            Operator::BrIf { relative_depth } | Operator::BrOnNull { relative_depth } => {
                1 + self.jump(*relative_depth)
            }
            // Targets that are the same share an edge.
            Operator::BrTable { targets } => {
                let frames = self.frames.len() as u64;
                let known = targets.targets().flatten();
                let back = known.filter(|depth| self.jump(*depth) > 1).count() as u64;
                1 + u64::from(targets.len()).min(frames) + work::BACK * back.min(frames)
            }
            _ => 0,
        }
    }

    /// Returns the edges that one branch counts for: all that is alive enters a loop anew with each
    /// that leads back to it.
    fn jump(&self, depth: u32) -> u64 {
        match self.label_block(depth) {
            Some((_, FrameKind::Loop)) => work::BACK,
            _ => 1,
        }
    }
}

impl ModuleArity for Walk<'_> {
    fn sub_type_at(&self, index: u32) -> Option<&SubType> {
        self.signatures.types.get(index as usize)
    }

    // Exceptions and continuations are features that this host does not have.
    fn tag_type_arity(&self, _: u32) -> Option<(u32, u32)> {
        None
    }

    fn type_index_of_function(&self, function: u32) -> Option<u32> {
        self.signatures.functions.get(function as usize).copied()
    }

    fn func_type_of_cont_type(&self, _: &ContType) -> Option<&FuncType> {
        None
    }

    fn sub_type_of_ref_type(&self, _: &RefType) -> Option<&SubType> {
        None
    }

    fn control_stack_height(&self) -> u32 {
        self.frames.len() as u32
    }

    fn label_block(&self, depth: u32) -> Option<(BlockType, FrameKind)> {
        let index = self.frames.len().checked_sub(1 + depth as usize)?;
        self.frames
            .get(index)
            .map(|frame| (frame.block, frame.kind))
    }
}

//! What a core module holds besides the code of its functions.
//!
//! Counts what is stated, and reads what the walks over the bodies need: the types, and which
//! function has which.

use wasmparser::{ConstExpr, DataKind, ElementItems, ElementKind, FunctionBody, Payload, TypeRef};

use super::component::each;
use super::function::{self, Measured, Signatures, shape};
use super::work;

/// One module, as far as it has been read.
#[derive(Default)]
pub(super) struct Module {
    signatures: Signatures,
    /// The function whose body comes next.
    next: u32,
}

/// What one section adds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Added {
    pub(super) functions: u64,
    pub(super) data: u64,
    pub(super) memories: u64,
    pub(super) memory: u64,
    pub(super) tables: u64,
    /// Entries of the largest table.
    pub(super) table_elements: u64,
    pub(super) work: u64,
}

impl Module {
    /// Measures the body that comes next.
    pub(super) fn body(&mut self, body: &FunctionBody<'_>) -> wasmparser::Result<Measured> {
        let function = self.next;
        self.next = self.next.saturating_add(1);
        function::measure(body, function, &self.signatures)
    }

    /// Counts what a section holds; nothing for one that is none of a module's.
    pub(super) fn section(&mut self, payload: Payload<'_>) -> wasmparser::Result<Added> {
        let mut added = Added::default();
        match payload {
            Payload::TypeSection(section) => each(section, |group, bytes| {
                for of_type in group.into_types() {
                    let (params, results) = shape(&of_type);
                    added.work += work::TYPE + bytes + work::PARAMETER * (params + results);
                    self.signatures.types.push(of_type);
                }
                Ok(())
            })?,
            Payload::ImportSection(section) => {
                added.work += length(&section.range());
                for import in section.into_imports() {
                    self.import(import?.ty, &mut added);
                }
            }
            Payload::FunctionSection(section) => each(section, |index, _| {
                self.signatures.functions.push(index);
                added.functions += 1;
                Ok(())
            })?,
            Payload::TableSection(section) => each(section, |table, bytes| {
                added.tables += 1;
                added.table_elements = added.table_elements.max(table.ty.initial);
                added.work += work::CONSTANT * bytes;
                Ok(())
            })?,
            Payload::MemorySection(section) => each(section, |memory, bytes| {
                added.memories += 1;
                added.memory = added
                    .memory
                    .saturating_add(memory.initial.saturating_mul(PAGE));
                added.work += bytes;
                Ok(())
            })?,
            Payload::GlobalSection(section) => {
                added.work += work::ITEM * u64::from(section.count());
                added.work += work::CONSTANT * length(&section.range());
            }
            Payload::ExportSection(section) => {
                added.work += work::EXPORT * u64::from(section.count()) + length(&section.range());
            }
            Payload::ElementSection(section) => each(section, |element, bytes| {
                added.work += work::SEGMENT + bytes;
                added.work += match element.items {
                    ElementItems::Functions(indices) => work::INDEX * u64::from(indices.count()),
                    ElementItems::Expressions(_, expressions) => {
                        work::ELEMENT * u64::from(expressions.count())
                    }
                };
                if let ElementKind::Active { offset_expr, .. } = element.kind {
                    added.work += constant(&offset_expr);
                }
                Ok(())
            })?,
            Payload::DataSection(section) => {
                added.data = length(&section.range());
                each(section, |data, _| {
                    added.work += work::SEGMENT;
                    if let DataKind::Active { offset_expr, .. } = data.kind {
                        added.work += constant(&offset_expr);
                    }
                    Ok(())
                })?;
            }
            _ => {}
        }
        Ok(added)
    }

    fn import(&mut self, of_type: TypeRef, added: &mut Added) {
        added.work += work::ITEM;
        if let TypeRef::Func(index) | TypeRef::FuncExact(index) = of_type {
            self.signatures.functions.push(index);
            self.next += 1;
        }
    }
}

/// The work of an expression that is evaluated at the start.
fn constant(expression: &ConstExpr<'_>) -> u64 {
    let bytes = expression.get_binary_reader().bytes_remaining();
    work::CONSTANT.saturating_mul(bytes as u64)
}

/// Bytes of a range in the file.
pub(super) fn length(range: &std::ops::Range<u64>) -> u64 {
    range.end.saturating_sub(range.start)
}

const PAGE: u64 = 64 << 10;

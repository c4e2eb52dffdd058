//! What a component's definitions amount to once they are written out.
//!
//! A type may name another twice, which names a third twice; a component may instantiate another
//! ten times, which does so with a third. A compiler writes all of it out, so a few bytes can stand
//! for any amount of work. Here each definition has a size: its own bytes, and the sizes of all
//! that it names. The index spaces are followed just as far as that needs. The invariant: whatever
//! a name stands for, its size is no smaller than what the compiler makes of it.

use wasmparser::{
    BinaryReaderError, CanonicalFunction, ComponentAlias, ComponentDefinedType, ComponentExport,
    ComponentExternalKind, ComponentFuncType, ComponentInstance, ComponentOuterAliasKind,
    ComponentType, ComponentTypeDeclaration, ComponentTypeRef, ComponentValType, FromReader,
    InstanceTypeDeclaration, SectionLimited, TypeBounds,
};

use super::Stop;
use crate::error::Error;

/// Sizes of what one component, or one type of a component or an instance, has defined so far.
#[derive(Debug, Default)]
pub(super) struct Scope {
    types: Vec<u64>,
    functions: Vec<u64>,
    instances: Vec<u64>,
    /// Nothing for one that is not defined in the file where it is used.
    components: Vec<Option<u64>>,
    total: u64,
}

/// The scopes around the place that is read, outermost first.
#[derive(Debug, Default)]
pub(super) struct Scopes {
    open: Vec<Scope>,
    /// The size of the component around all others, once it has ended.
    outermost: u64,
}

impl Scopes {
    /// Begins a component.
    pub(super) fn open(&mut self) {
        self.open.push(Scope::default());
    }

    /// Ends a component, and makes it one of those that the component around it may instantiate.
    pub(super) fn close(&mut self) {
        let size = self.open.pop().map_or(0, |scope| scope.total);
        match self.open.last_mut() {
            Some(around) => {
                around.components.push(Some(size));
                around.add(size);
            }
            None => self.outermost = size,
        }
    }

    /// Returns the size of all that the innermost open component has defined, or the whole file.
    pub(super) fn total(&self) -> u64 {
        self.open.last().map_or(self.outermost, |scope| scope.total)
    }

    /// Counts bytes that name nothing of a component.
    pub(super) fn plain(&mut self, bytes: u64) {
        self.here().add(bytes);
    }

    pub(super) fn type_section(
        &mut self,
        section: SectionLimited<'_, ComponentType<'_>>,
    ) -> Result<(), Stop> {
        each(section, |definition, bytes| {
            let size = self.of_type(&definition).saturating_add(bytes);
            self.here().types.push(size);
            self.here().add(size);
            Ok(())
        })
    }

    pub(super) fn alias_section(
        &mut self,
        section: SectionLimited<'_, ComponentAlias<'_>>,
    ) -> Result<(), Stop> {
        each(section, |alias, bytes| {
            self.alias(&alias);
            self.here().add(bytes);
            Ok(())
        })
    }

    pub(super) fn canonical_section(
        &mut self,
        section: SectionLimited<'_, CanonicalFunction>,
    ) -> Result<(), Stop> {
        let start = section.range().start;
        each(section, |function, bytes| {
            match function {
                CanonicalFunction::Lift { type_index, .. } => {
                    let size = at(&self.here().types, type_index);
                    self.here().functions.push(size);
                    self.here().add(size);
                }
                // A component without imports can only lower what it has lifted: one part of it
                // calls another. Wasmtime makes a module of its own for that, which needs several
                // memories; where that feature is off, it panics.
                CanonicalFunction::Lower { .. } => {
                    return Err(Stop::Refused(Error::Composed { offset: start }));
                }
                // Each of these calls is one of the engine, which fuel does not weigh, and what they
                // keep lies in the host's memory. The contract has no resources.
                CanonicalFunction::ResourceNew { .. }
                | CanonicalFunction::ResourceDrop { .. }
                | CanonicalFunction::ResourceRep { .. } => {
                    return Err(Stop::Refused(Error::Resource { offset: start }));
                }
                _ => {}
            }
            self.here().add(bytes);
            Ok(())
        })
    }

    pub(super) fn import_section(
        &mut self,
        section: SectionLimited<'_, wasmparser::ComponentImport<'_>>,
    ) -> Result<(), Stop> {
        each(section, |import, bytes| {
            let size = self.declare(import.ty);
            self.here().add(size.saturating_add(bytes));
            Ok(())
        })
    }

    pub(super) fn export_section(
        &mut self,
        section: SectionLimited<'_, ComponentExport<'_>>,
    ) -> Result<(), Stop> {
        each(section, |export, bytes| {
            let size = self.of_item(export.kind, export.index);
            let component = match export.kind {
                ComponentExternalKind::Component => self.component(export.index),
                _ => None,
            };
            self.define(export.kind, size, component);
            if let Some(of_type) = export.ty {
                let declared = self.of_reference(of_type);
                self.here().add(declared);
            }
            self.here().add(size.saturating_add(bytes));
            Ok(())
        })
    }

    /// Follows what is instantiated.
    pub(super) fn instance_section(
        &mut self,
        section: SectionLimited<'_, ComponentInstance<'_>>,
    ) -> Result<(), Stop> {
        let start = section.range().start;
        each(section, |instance, bytes| {
            let size = match instance {
                ComponentInstance::Instantiate {
                    component_index, ..
                } => self
                    .component(component_index)
                    .ok_or(Stop::Refused(Error::Instantiates { offset: start }))?,
                ComponentInstance::FromExports(exports) => exports
                    .iter()
                    .map(|export| self.of_item(export.kind, export.index))
                    .fold(0, u64::saturating_add),
            };
            let size = size.saturating_add(bytes);
            self.here().instances.push(size);
            self.here().add(size);
            Ok(())
        })
    }

    fn here(&mut self) -> &mut Scope {
        if self.open.is_empty() {
            self.open();
        }
        let innermost = self.open.len() - 1;
        &mut self.open[innermost]
    }

    fn of_type(&mut self, definition: &ComponentType<'_>) -> u64 {
        match definition {
            ComponentType::Defined(defined) => self.of_defined(defined),
            ComponentType::Func(function) => self.of_function(function),
            ComponentType::Component(declarations) => self.inside(|scopes| {
                for declaration in declarations {
                    scopes.component_declaration(declaration);
                }
            }),
            ComponentType::Instance(declarations) => self.inside(|scopes| {
                for declaration in declarations {
                    scopes.instance_declaration(declaration);
                }
            }),
            ComponentType::Resource { .. } => 1,
        }
    }

    /// Returns the size of what is declared in a type with an index space of its own.
    fn inside(&mut self, declare: impl FnOnce(&mut Self)) -> u64 {
        self.open();
        declare(self);
        self.open.pop().map_or(0, |scope| scope.total)
    }

    fn component_declaration(&mut self, declaration: &ComponentTypeDeclaration<'_>) {
        match declaration {
            ComponentTypeDeclaration::CoreType(_) => {}
            ComponentTypeDeclaration::Type(definition) => self.declare_type(definition),
            ComponentTypeDeclaration::Alias(alias) => self.alias(alias),
            ComponentTypeDeclaration::Export { ty, .. } => self.declare_item(*ty),
            ComponentTypeDeclaration::Import(import) => self.declare_item(import.ty),
        }
    }

    fn instance_declaration(&mut self, declaration: &InstanceTypeDeclaration<'_>) {
        match declaration {
            InstanceTypeDeclaration::CoreType(_) => {}
            InstanceTypeDeclaration::Type(definition) => self.declare_type(definition),
            InstanceTypeDeclaration::Alias(alias) => self.alias(alias),
            InstanceTypeDeclaration::Export { ty, .. } => self.declare_item(*ty),
        }
    }

    fn declare_type(&mut self, definition: &ComponentType<'_>) {
        let size = self.of_type(definition).saturating_add(1);
        self.here().types.push(size);
        self.here().add(size);
    }

    fn declare_item(&mut self, of_type: ComponentTypeRef) {
        let size = self.declare(of_type);
        self.here().add(size);
    }

    /// Adds what an import, or the type of an export, brings into the index spaces.
    fn declare(&mut self, of_type: ComponentTypeRef) -> u64 {
        let size = self.of_reference(of_type);
        self.define(of_type.kind(), size, None);
        size
    }

    fn define(&mut self, kind: ComponentExternalKind, size: u64, component: Option<u64>) {
        let here = self.here();
        match kind {
            ComponentExternalKind::Type => here.types.push(size),
            ComponentExternalKind::Func => here.functions.push(size),
            ComponentExternalKind::Instance => here.instances.push(size),
            ComponentExternalKind::Component => here.components.push(component),
            ComponentExternalKind::Module | ComponentExternalKind::Value => {}
        }
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) {
        match *alias {
            // No part is larger than the whole.
            ComponentAlias::InstanceExport {
                kind,
                instance_index,
                ..
            } => {
                let size = at(&self.here().instances, instance_index);
                self.define(kind, size, None);
            }
            ComponentAlias::Outer { kind, count, index } => self.outer_alias(kind, count, index),
            ComponentAlias::CoreInstanceExport { .. } => {}
        }
    }

    fn outer_alias(&mut self, kind: ComponentOuterAliasKind, count: u32, index: u32) {
        let around = self.open.len().checked_sub(1 + count as usize);
        let around = around.and_then(|around| self.open.get(around));
        match kind {
            ComponentOuterAliasKind::Type => {
                let size = around.map_or(1, |scope| at(&scope.types, index));
                self.here().types.push(size);
            }
            ComponentOuterAliasKind::Component => {
                let size = around.and_then(|scope| scope.components.get(index as usize));
                let size = size.copied().flatten();
                self.here().components.push(size);
            }
            ComponentOuterAliasKind::CoreModule | ComponentOuterAliasKind::CoreType => {}
        }
    }

    /// Returns the size of a component; nothing for one that is not defined in the file.
    fn component(&mut self, index: u32) -> Option<u64> {
        self.here()
            .components
            .get(index as usize)
            .copied()
            .flatten()
    }

    fn of_item(&mut self, kind: ComponentExternalKind, index: u32) -> u64 {
        let here = self.here();
        match kind {
            ComponentExternalKind::Type => at(&here.types, index),
            ComponentExternalKind::Func => at(&here.functions, index),
            ComponentExternalKind::Instance => at(&here.instances, index),
            ComponentExternalKind::Component => self.component(index).unwrap_or(1),
            ComponentExternalKind::Module | ComponentExternalKind::Value => 1,
        }
    }

    fn of_reference(&mut self, of_type: ComponentTypeRef) -> u64 {
        match of_type {
            ComponentTypeRef::Func(index)
            | ComponentTypeRef::Instance(index)
            | ComponentTypeRef::Component(index)
            | ComponentTypeRef::Type(TypeBounds::Eq(index)) => at(&self.here().types, index),
            ComponentTypeRef::Value(value) => self.of_value(&value),
            ComponentTypeRef::Module(_) | ComponentTypeRef::Type(TypeBounds::SubResource) => 1,
        }
    }

    fn of_function(&mut self, function: &ComponentFuncType<'_>) -> u64 {
        let params = function.params.iter();
        let params = params.map(|(name, value)| self.of_named(name, Some(value)));
        let params = params.fold(0, u64::saturating_add);
        let result = function.result.as_ref();
        params.saturating_add(result.map_or(0, |value| self.of_value(value)))
    }

    fn of_defined(&mut self, defined: &ComponentDefinedType<'_>) -> u64 {
        use ComponentDefinedType as Defined;
        match defined {
            Defined::Record(fields) => {
                let fields = fields.iter();
                sum(fields.map(|(name, value)| self.of_named(name, Some(value))))
            }
            Defined::Variant(cases) => {
                let cases = cases.iter();
                sum(cases.map(|case| self.of_named(case.name, case.ty.as_ref())))
            }
            Defined::Tuple(values) => sum(values.iter().map(|value| self.of_value(value))),
            Defined::Flags(names) | Defined::Enum(names) => {
                sum(names.iter().map(|name| self.of_named(name, None)))
            }
            Defined::Map(key, value) => self.of_value(key).saturating_add(self.of_value(value)),
            Defined::FixedLengthList(value, length) => {
                self.of_value(value).saturating_mul(u64::from(*length))
            }
            Defined::List(value) | Defined::Option(value) => self.of_value(value),
            Defined::Result { ok, err } => sum([ok, err]
                .into_iter()
                .flatten()
                .map(|value| self.of_value(value))),
            Defined::Future(value) | Defined::Stream(value) => {
                value.as_ref().map_or(1, |value| self.of_value(value))
            }
            Defined::Primitive(_) | Defined::Own(_) | Defined::Borrow(_) => 1,
        }
    }

    fn of_named(&mut self, name: &str, value: Option<&ComponentValType>) -> u64 {
        let value = value.map_or(0, |value| self.of_value(value));
        (1 + name.len() as u64).saturating_add(value)
    }

    fn of_value(&mut self, value: &ComponentValType) -> u64 {
        match value {
            ComponentValType::Primitive(_) => 1,
            ComponentValType::Type(index) => at(&self.here().types, *index).saturating_add(1),
        }
    }
}

impl Scope {
    fn add(&mut self, size: u64) {
        self.total = self.total.saturating_add(size);
    }
}

/// Hands over each entry of a section with the bytes that it takes.
pub(super) fn each<'a, T, E>(
    section: SectionLimited<'a, T>,
    mut take: impl FnMut(T, u64) -> Result<(), E>,
) -> Result<(), E>
where
    T: FromReader<'a>,
    E: From<BinaryReaderError>,
{
    let end = section.range().end;
    let mut entries = section.into_iter_with_offsets().peekable();
    while let Some(entry) = entries.next() {
        let (start, entry) = entry?;
        let next = entries.peek().and_then(|next| next.as_ref().ok());
        take(
            entry,
            next.map_or(end, |(next, _)| *next).saturating_sub(start),
        )?;
    }
    Ok(())
}

/// Returns the size at an index; what is not there is refused later on.
fn at(sizes: &[u64], index: u32) -> u64 {
    sizes.get(index as usize).copied().unwrap_or(1)
}

fn sum(sizes: impl Iterator<Item = u64>) -> u64 {
    sizes.fold(1, u64::saturating_add)
}

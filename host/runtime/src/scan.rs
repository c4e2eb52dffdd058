//! Looks through a whole file before anything that works on it is handed a byte.
//!
//! What turns a file into native code was made for files that a compiler wrote, and takes as long as
//! it takes. So what makes it slow is counted first, in one pass whose time is bounded by the file's
//! size: the work of each function, the definitions of components as if all that they name were
//! written out, and what is reserved at the start. The invariant: neither wit-component nor wasmtime
//! sees a file that this pass has not let through.
//!
//! It proves nothing else: a file that is not valid passes, and is refused by what validates it.

use wasmparser::{BinaryReaderError, Encoding, FunctionBody, Parser, Payload};

use crate::error::Error;
use crate::limits::{Compile, CompileLimits, Limits};

mod component;
mod function;
mod module;
mod work;

use component::Scopes;
use function::Measured;
use module::{Added, Module, length};

/// Looks through a file.
///
/// # Errors
///
/// The file cannot be taken apart, or holds more than is allowed.
pub(crate) fn scan(
    bytes: &[u8],
    limits: &Limits,
    compile: Compile,
) -> Result<CompileLimits, Error> {
    let mut scan = Scan {
        limits,
        allowed: limits.compile(compile),
        large: compile == Compile::Large,
        found: CompileLimits::NOTHING,
        reserved: Reserved::default(),
    };
    scan.read(bytes, 1)
        .map_err(|stop| stop.into_error(bytes.len() as u64))?;
    Ok(scan.found)
}

struct Scan<'a> {
    limits: &'a Limits,
    allowed: CompileLimits,
    large: bool,
    found: CompileLimits,
    reserved: Reserved,
}

/// What the modules of a file state that they need at their start.
#[derive(Default)]
struct Reserved {
    memories: u64,
    memory: u64,
    tables: u64,
    /// Entries of the largest table.
    table_elements: u64,
}

/// Why a pass ends before the file does.
enum Stop {
    Malformed(BinaryReaderError),
    Refused(Error),
}

/// Where in a file the pass is.
#[derive(Default)]
struct Place {
    /// The modules and components around it, outermost first.
    around: Vec<Around>,
    scopes: Scopes,
}

enum Around {
    Component,
    Module(Module),
}

impl Scan<'_> {
    /// Reads a module or component with all that is in it, itself `depth` deep in the file.
    fn read(&mut self, bytes: &[u8], depth: u64) -> Result<(), Stop> {
        let mut place = Place::default();
        for payload in Parser::new(0).parse_all(bytes) {
            self.payload(payload?, &mut place, depth)?;
            self.definitions(place.scopes.total())?;
        }
        self.found.definitions = self.found.definitions.saturating_add(place.scopes.total());
        self.definitions(self.found.definitions)?;
        self.work(place.scopes.total() / work::DEFINITION)
    }

    fn payload(&mut self, payload: Payload<'_>, place: &mut Place, depth: u64) -> Result<(), Stop> {
        match payload {
            Payload::Version { encoding, .. } => {
                place.begin(encoding);
                let nesting = depth + place.around.len() as u64;
                self.nesting(nesting, || {
                    format!("{nesting} modules and components lie in each other")
                })
            }
            Payload::End(_) => {
                place.end();
                Ok(())
            }
            Payload::CustomSection(section) if section.name().starts_with("component-type") => {
                let nesting = depth + place.around.len() as u64;
                match self.read(section.data(), nesting) {
                    // Whoever reads on in it finds that out too.
                    Err(Stop::Malformed(_)) => Ok(()),
                    read => read,
                }
            }
            Payload::CustomSection(section) => self.work(section.data().len() as u64 / work::IDLE),
            payload => match place.around.last_mut() {
                Some(Around::Module(module)) => self.of_module(payload, module),
                _ => self.of_component(payload, &mut place.scopes),
            },
        }
    }

    fn of_module(&mut self, payload: Payload<'_>, module: &mut Module) -> Result<(), Stop> {
        match payload {
            Payload::CodeSectionEntry(body) => self.body(&body, module),
            payload => {
                let added = module.section(payload)?;
                self.add(added)
            }
        }
    }

    fn of_component(&mut self, payload: Payload<'_>, scopes: &mut Scopes) -> Result<(), Stop> {
        match payload {
            Payload::ComponentTypeSection(section) => scopes.type_section(section)?,
            Payload::ComponentAliasSection(section) => scopes.alias_section(section)?,
            Payload::ComponentCanonicalSection(section) => scopes.canonical_section(section)?,
            Payload::ComponentImportSection(section) => scopes.import_section(section)?,
            Payload::ComponentExportSection(section) => scopes.export_section(section)?,
            Payload::ComponentInstanceSection(section) => scopes.instance_section(section)?,
            Payload::CoreTypeSection(section) => scopes.plain(length(&section.range())),
            Payload::InstanceSection(section) => scopes.plain(length(&section.range())),
            _ => {}
        }
        Ok(())
    }

    fn body(&mut self, body: &FunctionBody<'_>, module: &mut Module) -> Result<(), Stop> {
        let (start, size) = (body.range().start, length(&body.range()));
        let has = |what: &str| format!("the function at byte {start} has {what}");
        self.found.function = self.found.function.max(size);
        self.check(("function", self.allowed.function), size, || {
            has(&format!("{size} bytes"))
        })?;
        let Measured {
            locals,
            nesting,
            work,
        } = module.body(body)?;
        self.found.locals = self.found.locals.max(locals);
        self.check(("locals", self.allowed.locals), locals, || {
            has(&format!("{locals} parameters and locals"))
        })?;
        self.nesting(nesting, || has(&format!("{nesting} blocks in each other")))?;
        self.work(work)
    }

    fn add(&mut self, added: Added) -> Result<(), Stop> {
        self.found.functions += added.functions;
        self.found.data = self.found.data.saturating_add(added.data);
        let reserved = &mut self.reserved;
        reserved.memories += added.memories;
        reserved.memory = reserved.memory.saturating_add(added.memory);
        reserved.tables += added.tables;
        reserved.table_elements = reserved.table_elements.max(added.table_elements);
        let (functions, data) = (self.found.functions, self.found.data);
        self.check(("functions", self.allowed.functions), functions, || {
            format!("the file has at least {functions} functions")
        })?;
        self.check(("data", self.allowed.data), data, || {
            format!("the file has at least {data} bytes of data segments")
        })?;
        self.refuse_reserved()?;
        self.work(added.work)
    }

    /// Refuses what could never be started, before a compiler lays it out.
    fn refuse_reserved(&self) -> Result<(), Stop> {
        let (reserved, limits) = (&self.reserved, self.limits);
        let stated = [
            (
                "memories",
                reserved.memories,
                limits.memories.into(),
                "memories",
            ),
            ("memory", reserved.memory, limits.memory, "bytes of memory"),
            ("tables", reserved.tables, limits.tables.into(), "tables"),
            (
                "table-elements",
                reserved.table_elements,
                limits.table_elements.into(),
                "entries of a table",
            ),
        ];
        let over = stated.iter().find(|(_, found, allowed, _)| found > allowed);
        over.map_or(Ok(()), |&(limit, found, allowed, what)| {
            Err(Stop::Refused(Error::Resources {
                needed: format!("{found} {what}"),
                limit,
                allowed,
            }))
        })
    }

    fn definitions(&self, found: u64) -> Result<(), Stop> {
        self.check(("definitions", self.allowed.definitions), found, || {
            format!("the definitions of components, written out, have at least {found} bytes")
        })
    }

    fn nesting(&mut self, found: u64, what: impl FnOnce() -> String) -> Result<(), Stop> {
        self.found.nesting = self.found.nesting.max(found);
        self.check(("nesting", self.allowed.nesting), found, what)
    }

    fn work(&mut self, units: u64) -> Result<(), Stop> {
        let work = self.found.work.saturating_add(units);
        self.found.work = work;
        self.check(("work", self.allowed.work), work, || {
            format!("compiling the file takes at least {work} units of work")
        })
    }

    fn check(
        &self,
        (limit, allowed): (&'static str, u64),
        found: u64,
        what: impl FnOnce() -> String,
    ) -> Result<(), Stop> {
        match found > allowed {
            true => Err(Stop::Refused(Error::Jail {
                what: what(),
                found,
                limit,
                allowed,
                large: self.large,
            })),
            false => Ok(()),
        }
    }
}

impl Place {
    fn begin(&mut self, encoding: Encoding) {
        match encoding {
            Encoding::Module => self.around.push(Around::Module(Module::default())),
            Encoding::Component => {
                self.around.push(Around::Component);
                self.scopes.open();
            }
        }
    }

    fn end(&mut self) {
        if let Some(Around::Component) = self.around.pop() {
            self.scopes.close();
        }
    }
}

impl Stop {
    fn into_error(self, size: u64) -> Error {
        match self {
            Self::Malformed(error) => Error::Malformed {
                what: error.message().to_owned(),
                offset: error.offset(),
                size,
            },
            Self::Refused(error) => error,
        }
    }
}

impl From<BinaryReaderError> for Stop {
    fn from(error: BinaryReaderError) -> Self {
        Self::Malformed(error)
    }
}

//! Runs policies as sandboxed WebAssembly.

#!/usr/bin/env bash
# Compiles the policy to build/three-quarters.wasm: with the active toolchain where it has the target
# wasm32-unknown-unknown, else with Debian's Rust for the web, which brings its library as source.
set -euo pipefail
cd "$(dirname "$0")"

name=three-quarters
target=wasm32-unknown-unknown
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}
# A panic names `src/lib.rs`, whatever this folder is called.
export CARGO_ENCODED_RUSTFLAGS=--remap-path-prefix=$PWD/=

has_target() {
    local libraries
    libraries=$(rustc --print target-libdir --target $target 2>/dev/null) && [ -d "$libraries" ]
}

has_debian() {
    [ -x /usr/bin/cargo ] && [ -x /usr/bin/rustc ] && [ -x /usr/bin/wasm-ld-19 ] &&
        [ -d "$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library/std" ]
}

if has_target; then
    cargo build --release --target $target
elif has_debian; then
    RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-19 \
        /usr/bin/cargo build --release --target $target -Z build-std=std,panic_abort
else
    cat >&2 <<HINT
error: no Rust compiler for $target was found; install one of
  - rustup's target:    rustup target add $target
  - Debian's packages:  apt-get install rustc-web cargo-web rust-web-src lld-19
HINT
    exit 1
fi
mkdir -p build
cp "$CARGO_TARGET_DIR/$target/release/policy.wasm" build/$name.wasm

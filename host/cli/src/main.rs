//! The program `ckpt-policy`.

fn main() {}

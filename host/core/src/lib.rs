//! The decision core of `ckpt-policy`.

pub mod contract;
pub mod reduction;

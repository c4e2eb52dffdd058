//! The extension module of the Python package `ckpt_policy`.

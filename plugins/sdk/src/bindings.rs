//! The contract's types and functions as Rust, made from `wit/policy.wit` and from nothing else.
//!
//! No policy author looks in here: the types are re-exported at the root of the crate, and the
//! functions are behind [`Policy`](crate::Policy) and [`export!`](crate::export).

wit_bindgen::generate!({
    path: "../../wit",
    world: "decision-policy",
    additional_derives: [PartialEq],
    pub_export_macro: true,
    default_bindings_module: "ckpt_policy_sdk::bindings",
});

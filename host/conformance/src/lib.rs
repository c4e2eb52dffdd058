//! Scenarios of policies.

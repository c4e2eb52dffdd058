//! The scenarios of this policy; the repository's own tests play them to the compiled one.

use ckpt_policy_majority::Majority;

use crate::support::play_scenarios;

#[test]
fn come_as_written_and_cut() {
    assert_ne!(play_scenarios::<Majority>(), 0);
}

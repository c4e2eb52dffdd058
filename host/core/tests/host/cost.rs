//! A run that keeps everything, for long: only the ledger's entries grow.

use ckpt_policy_core::contract::View;
use ckpt_policy_core::{Confirm, Moment, Rules};

use crate::support::{Scripted, events, save, world_under};

/// Ends in seconds where a round costs the same at its end as at its start, and in many minutes
/// where each round looks at all that is kept.
#[test]
fn thirty_thousand_kept_checkpoints_do_not_make_a_round_dearer() {
    let rules = Rules {
        confirm: Confirm::Never,
        ..Rules::default()
    };
    let mut world = world_under(rules, 1, |_| {
        let keeps_all = Scripted::saver().view(View::None);
        let newest = Scripted::says(|round| {
            let mut verdict = save();
            verdict.release = vec![round.candidate.saturating_sub(1)];
            verdict
        });
        vec![
            keeps_all.named("all"),
            newest.view(View::None).named("newest"),
        ]
    });
    const ROUNDS: u64 = 30_000;
    for step in 1..=ROUNDS {
        let events = events(&world, Moment::ValidationEnd, step);
        let played = world.play(&events, &Default::default()).expect("it plays");
        assert!(played.outcome.save);
    }
    let kept = world.hosts()[0].checkpoints();
    assert_eq!(kept.count(), 30_000);
    let newest = world.hosts()[0]
        .checkpoints()
        .filter(|held| held.holders.contains(&1));
    assert_eq!(newest.map(|held| held.step).collect::<Vec<_>>(), [ROUNDS]);
}

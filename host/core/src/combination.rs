//! How the wishes of several policies become one.

use crate::contract::Ballot;
use crate::setup::Combine;

/// Decides whether to save, given each enforced policy's name and wish; all are counted, nothing
/// is short-circuited.
///
/// Returns whether to save, or why a save that was asked for is refused.
pub(crate) fn combine(rule: Combine, ballots: &[(&str, Ballot)]) -> Result<bool, String> {
    let named = |wish| {
        let names = ballots.iter().filter(|(_, ballot)| *ballot == wish);
        names
            .map(|(name, _)| format!("`{name}`"))
            .collect::<Vec<_>>()
    };
    let (asking, against, vetoing) = (
        named(Ballot::Save),
        named(Ballot::Skip),
        named(Ballot::Veto),
    );
    if asking.is_empty() {
        return Ok(false);
    }
    if !vetoing.is_empty() {
        return Err(format!("vetoed by {}", vetoing.join(", ")));
    }
    let carried = match rule {
        Combine::Any => true,
        Combine::All => against.is_empty(),
        Combine::Majority => asking.len() > against.len(),
    };
    if carried {
        return Ok(true);
    }
    Err(format!(
        "`combine` is `{rule}`: {} for a save, {} against ({})",
        asking.len(),
        against.len(),
        against.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Ballot::{Abstain, Save, Skip, Veto};

    fn under(rule: Combine, ballots: &[Ballot]) -> Option<bool> {
        let named: Vec<_> = ballots.iter().map(|ballot| ("p", *ballot)).collect();
        combine(rule, &named).ok()
    }

    #[test]
    fn any_needs_one_and_ignores_skips() {
        assert_eq!(under(Combine::Any, &[Abstain, Skip]), Some(false));
        assert_eq!(under(Combine::Any, &[Abstain, Skip, Save]), Some(true));
    }

    #[test]
    fn all_is_stopped_by_one_skip_but_not_by_an_abstention() {
        assert_eq!(under(Combine::All, &[Save, Abstain]), Some(true));
        assert_eq!(under(Combine::All, &[Save, Save, Skip]), None);
        assert_eq!(under(Combine::All, &[Abstain]), Some(false));
    }

    #[test]
    fn a_majority_needs_more_for_than_against() {
        assert_eq!(under(Combine::Majority, &[Save, Skip]), None);
        assert_eq!(
            under(Combine::Majority, &[Save, Save, Skip, Abstain]),
            Some(true)
        );
    }

    #[test]
    fn a_veto_stops_each_rule_and_names_who() {
        for rule in [Combine::Any, Combine::All, Combine::Majority] {
            assert_eq!(under(rule, &[Save, Save, Veto]), None);
        }
        let refused = combine(Combine::Any, &[("a", Save), ("b", Veto)]);
        assert_eq!(refused, Err("vetoed by `b`".to_owned()));
    }
}

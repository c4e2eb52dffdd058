//! Makes a long run that shows something as short as it gets in a bounded number of tries.
//!
//! For runs that are too long to be shrunk event by event: whole stretches are left out, and what
//! is left is tried again.

use super::play::Trouble;
use super::story::{Event, Story};

/// Returns the trouble of the shortest run that was found to show one.
pub(super) fn shorten(
    mut story: Story,
    mut trouble: Trouble,
    property: impl Fn(&Story) -> Result<(), Trouble>,
) -> Trouble {
    let mut tries = MOST_TRIES;
    let mut stretch = story.events.len().div_ceil(2);
    while stretch > 0 && tries > 0 {
        let mut at = story.events.len();
        // From the end: what comes after the trouble goes at once.
        while at > 0 && tries > 0 {
            let from = at.saturating_sub(stretch);
            let events: Vec<Event> = [&story.events[..from], &story.events[at..]].concat();
            let shorter = Story {
                events,
                ..story.clone()
            };
            at = from;
            if shorter.events.is_empty() {
                continue;
            }
            tries -= 1;
            if let Err(found) = property(&shorter) {
                (story, trouble) = (shorter, found);
            }
        }
        stretch /= 2;
    }
    trouble
}

const MOST_TRIES: u32 = 250;

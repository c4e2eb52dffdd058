//! What other ranks send: any bytes in the place of one rank's message.
//!
//! Three hosts begin a round, or open; one message is forged, or all bytes are; all three complete
//! it. They come to the same result, none of them panics, an error has changed nothing, and an
//! honest round works afterwards.

use arbitrary::{Result, Unstructured};
use ckpt_policy_core::{
    Error, Event, Exchange, Host, Metrics, Moment, Opened, Opening, Outcome, Place, Progress,
    Rules, Saved, Setup,
};

use crate::draw;
use crate::scripted::Scripted;

const RANKS: u32 = 3;

pub(crate) fn run(bytes: &[u8]) {
    let mut input = Unstructured::new(bytes);
    // Bytes that end too early are no case, and nothing is wrong with that.
    let _short = forge(&mut input);
}

fn forge(input: &mut Unstructured<'_>) -> Result<()> {
    let opening = input.ratio(1, 4)?;
    let rules = draw::rules(input)?;
    let policies = vec![Scripted::draw(input, RANKS)?, Scripted::draw(input, RANKS)?];
    if opening {
        return forge_opening(input, &rules, &policies);
    }
    let mut hosts = opened(&rules, &policies);
    for step in 1..=input.int_in_range(0..=3)? {
        honest(&mut hosts, step);
    }
    let before = books(&mut hosts);
    let begun: Vec<_> = hosts
        .iter_mut()
        .map(|host| host.begin(&event(50)))
        .collect();
    let Some(messages) = messages(&begun) else {
        return Ok(());
    };
    let gathered = forged(input, &messages)?;
    let results: Vec<_> = hosts
        .iter_mut()
        .map(|host| host.complete(&gathered))
        .collect();
    alike(&results);
    if results.iter().all(Result::is_err) {
        assert_eq!(before, books(&mut hosts), "an error has changed something");
    } else {
        // What agrees in all that is compared may go on; a confirmation is honest then.
        let _ended = carry(&mut hosts, results);
    }
    honest(&mut hosts, 60);
    Ok(())
}

/// Opens three hosts, with one opening message forged, and the readable part too where it is asked
/// for.
fn forge_opening(input: &mut Unstructured<'_>, rules: &Rules, policies: &[Scripted]) -> Result<()> {
    let openings: Vec<_> = setups(rules, policies).map(Opening::new).collect();
    let messages: Vec<_> = openings.iter().map(|it| bytes(it.begin())).collect();
    let gathered = forged(input, &messages)?;
    let results: Vec<_> = openings
        .into_iter()
        .map(|opening| opening.complete(&gathered))
        .collect();
    let kinds: Vec<_> = results.iter().map(kind).collect();
    assert!(kinds.iter().all(|kind| *kind == kinds[0]), "{kinds:?}");
    let (mut waiting, mut details) = (Vec::new(), Vec::new());
    for result in results {
        if let Ok(Opened::Exchange(opening, detail)) = result {
            waiting.push(opening);
            details.push(bytes(detail));
        }
    }
    if !details.is_empty() {
        let gathered = forged(input, &details)?;
        for opening in waiting {
            let refused = opening.complete(&gathered);
            assert!(refused.is_err(), "ranks that differ have opened");
        }
    }
    Ok(())
}

/// Replaces one rank's message by other bytes, or changes some of its own; now and then the whole
/// is of another length.
fn forged(input: &mut Unstructured<'_>, messages: &[Vec<u8>]) -> Result<Vec<u8>> {
    let mut messages = messages.to_vec();
    let rank = input.int_in_range(0..=messages.len() - 1)?;
    let length = messages[rank].len();
    match input.int_in_range(0..=3)? {
        0 => {
            let mut bytes = input.bytes(input.len().min(length))?.to_vec();
            bytes.resize(length, 0);
            messages[rank] = bytes;
        }
        1 => {
            let any = input.bytes(input.len().min(4 * length))?;
            return Ok(any.to_vec());
        }
        2 => messages[rank] = messages[(rank + 1) % messages.len()].clone(),
        _ => {
            for _ in 0..input.int_in_range(1..=4)? {
                let at = input.int_in_range(0..=length.max(1) - 1)?;
                let bits: u8 = input.arbitrary()?;
                if let Some(byte) = messages[rank].get_mut(at) {
                    *byte ^= bits;
                }
            }
        }
    }
    Ok(messages.concat())
}

/// All ranks looked at the same bytes, so they come to the same.
fn alike(results: &[std::result::Result<Progress<Outcome>, Error>]) {
    let texts: Vec<_> = results
        .iter()
        .map(|result| match result {
            // A confirmation carries the rank that sends it.
            Ok(Progress::Exchange(message)) => format!("{} bytes", message.bytes()),
            other => format!("{other:?}"),
        })
        .collect();
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:#?}");
}

fn kind(result: &std::result::Result<Opened, Error>) -> String {
    match result {
        Ok(Opened::Host(_)) => "opened".to_owned(),
        Ok(Opened::Exchange(_, detail)) => format!("{} bytes", detail.bytes()),
        Err(error) => error.to_string(),
    }
}

fn setups(rules: &Rules, policies: &[Scripted]) -> impl Iterator<Item = Setup> {
    (0..RANKS).map(move |rank| Setup {
        place: Place {
            rank,
            world_size: RANKS,
        },
        rules: rules.clone(),
        policies: policies
            .iter()
            .zip(0..)
            .map(|(policy, index)| policy.setup(index))
            .collect(),
        facts: Vec::new(),
    })
}

fn opened(rules: &Rules, policies: &[Scripted]) -> Vec<Host> {
    let openings: Vec<_> = setups(rules, policies).map(Opening::new).collect();
    let gathered: Vec<u8> = openings.iter().flat_map(|it| bytes(it.begin())).collect();
    let hosts = openings
        .into_iter()
        .map(|opening| match opening.complete(&gathered) {
            Ok(Opened::Host(host)) => *host,
            Ok(Opened::Exchange(..)) => panic!("equal ranks differ"),
            Err(error) => panic!("equal ranks cannot open: {error}"),
        });
    hosts.collect()
}

fn event(step: u64) -> Event {
    let metrics: Metrics = [("a", 0.5), ("x", 1.5)].into_iter().collect();
    Event {
        moment: Moment::ValidationEnd,
        step,
        epoch: 0,
        metrics,
    }
}

/// The message of an exchange, which is a gather in a world of this size.
fn bytes(exchange: Exchange) -> Vec<u8> {
    exchange.into_message().expect("a small world gathers")
}

/// Plays a validation as trainers do; a machine's fault is the only error that it may come to.
fn honest(hosts: &mut [Host], step: u64) {
    let begun: Vec<_> = hosts
        .iter_mut()
        .map(|host| host.begin(&event(step)))
        .collect();
    let Some(outcome) = carry(hosts, begun) else {
        return;
    };
    if let Some(id) = outcome.checkpoint.filter(|_| outcome.save) {
        for host in hosts.iter_mut() {
            host.saved(id, Saved::default()).expect("it is in flight");
        }
    }
    let begun: Vec<_> = hosts.iter_mut().map(Host::settle).collect();
    carry(hosts, begun);
}

/// Carries honest messages to the outcome; `None` where a script made a machine fail.
fn carry(
    hosts: &mut [Host],
    mut results: Vec<std::result::Result<Progress<Outcome>, Error>>,
) -> Option<Outcome> {
    loop {
        alike(&results);
        match results.remove(0) {
            Ok(Progress::Done(outcome)) => return Some(outcome),
            Err(Error::Machine { .. }) => return None,
            Err(error) => panic!("an honest round is refused: {error}"),
            Ok(Progress::Exchange(first)) => {
                let own = |result: &_| match result {
                    Ok(Progress::Exchange(message)) => bytes(message.clone()),
                    other => panic!("an exchange was expected, found {other:?}"),
                };
                let gathered = [bytes(first)].into_iter().chain(results.iter().map(own));
                let gathered: Vec<u8> = gathered.flatten().collect();
                results = hosts
                    .iter_mut()
                    .map(|host| host.complete(&gathered))
                    .collect();
            }
        }
    }
}

fn messages(begun: &[std::result::Result<Progress<Outcome>, Error>]) -> Option<Vec<Vec<u8>>> {
    let message = |result: &_| match result {
        Ok(Progress::Exchange(message)) => message.clone().into_message(),
        _ => None,
    };
    begun.iter().map(message).collect()
}

/// What agreed state shows, without an exchange: the ledger, its shadows and the labels.
fn books(hosts: &mut [Host]) -> Vec<String> {
    let texts = hosts.iter().map(|host| {
        let shadows: Vec<_> = (0..host.policies().len())
            .map(|policy| host.shadow_checkpoints(policy).collect::<Vec<_>>())
            .collect();
        let held: Vec<_> = host.checkpoints().collect();
        let labels: Vec<_> = host.labels().collect();
        format!("{held:?} {shadows:?} {labels:?}")
    });
    texts.collect()
}

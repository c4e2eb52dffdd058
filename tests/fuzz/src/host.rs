//! The whole host as a state machine: any operations on one to four ranks.
//!
//! The bytes say which policies there are, what these answer, and what happens to the run: events,
//! saves that fail or stay in flight, interruptions, requests, reports that make no sense, and
//! cuts. The run goes on uncut beside one that is cut and resumed from its snapshot, and beside one
//! whose numbers are summed on the way: all decide the same to the end. What must hold after each
//! step is in [`Run`](crate::host_run::Run).

use arbitrary::{Result, Unstructured};
use ckpt_policy_core::contract::Operation;
use ckpt_policy_core::{Encoding, Moment, Rules};

use crate::draw;
use crate::host_run::{Happening, Run};
use crate::scripted::Scripted;

/// Who runs, and under which rules.
#[derive(Clone, Debug)]
pub(crate) struct Cast {
    pub(crate) ranks: u32,
    pub(crate) rules: Rules,
    pub(crate) policies: Vec<Scripted>,
}

pub(crate) fn run(bytes: &[u8]) {
    let mut input = Unstructured::new(bytes);
    let Ok(cast) = cast(&mut input) else {
        return;
    };
    let mut uncut = Run::start(&cast, None);
    let mut cut = Run::start(&cast, None);
    let mut summed = summed(&cast).map(|cast| (Run::start(&cast, None), cast));
    for _ in 0..MOST {
        let Ok(Some(happening)) = next(&mut input, cast.ranks) else {
            break;
        };
        match happening {
            Happening::Cut => cut = cut.resume(&cast),
            Happening::Settle if cut.is_warm() != uncut.is_warm() => {}
            happening => {
                uncut.play(&cast, &happening);
                cut.play(&cast, &happening);
                if let Some((run, cast)) = &mut summed {
                    run.play(cast, &happening);
                    let newest = run.newest();
                    assert_eq!(uncut.newest(), newest, "the encoding has changed the run");
                }
            }
        }
        assert_eq!(uncut.newest(), cut.newest(), "a cut has changed the run");
    }
    if cut.is_warm() != uncut.is_warm() {
        return;
    }
    let (uncut, cut) = (uncut.finish(), cut.finish());
    assert_eq!(uncut, cut, "a cut has changed the run's end");
}

fn cast(input: &mut Unstructured<'_>) -> Result<Cast> {
    let ranks = input.int_in_range(1..=4)?;
    let rules = draw::rules(input)?;
    let count = input.int_in_range(1..=3)?;
    let policies = (0..count).map(|_| Scripted::draw(input, ranks));
    let policies = policies.collect::<Result<_>>()?;
    Ok(Cast {
        ranks,
        rules,
        policies,
    })
}

/// Returns the same cast with numbers that are summed on the way, where nobody wants those of every
/// rank.
fn summed(cast: &Cast) -> Option<Cast> {
    let mut reductions = cast.policies.iter().flat_map(|it| &it.plan.reductions);
    let lists = reductions.any(|it| it.operation == Operation::EveryRank);
    let encoding = Encoding::Reduce;
    (!lists).then(|| Cast {
        rules: Rules {
            encoding,
            ..cast.rules.clone()
        },
        ..cast.clone()
    })
}

/// Draws what happens next; nothing once the bytes are used up.
fn next(input: &mut Unstructured<'_>, ranks: u32) -> Result<Option<Happening>> {
    if input.is_empty() {
        return Ok(None);
    }
    let rank = |input: &mut Unstructured<'_>| input.int_in_range(0..=ranks - 1);
    Ok(Some(match input.int_in_range(0..=15)? {
        0 => Happening::Cut,
        1 | 2 => Happening::End {
            fails: fails(input, ranks)?,
        },
        3 => Happening::Interrupt(rank(input)?),
        4 => Happening::Request(rank(input)?),
        5 => Happening::Nonsense {
            rank: rank(input)?,
            id: input.int_in_range(0..=20)?,
        },
        6 => Happening::Settle,
        _ => event(input, ranks)?,
    }))
}

fn event(input: &mut Unstructured<'_>, ranks: u32) -> Result<Happening> {
    let moment = match input.ratio(1, 2)? {
        true => Moment::ValidationEnd,
        false => draw::moment(input)?,
    };
    let steps = input.int_in_range(0..=5)?;
    let numbers = (0..ranks).map(|_| Ok((draw::number(input)?, draw::number(input)?)));
    let numbers = numbers.collect::<Result<_>>()?;
    let in_flight = input.ratio(1, 3)?;
    let fails = fails(input, ranks)?;
    Ok(Happening::Event {
        moment,
        steps,
        numbers,
        in_flight,
        fails,
    })
}

fn fails(input: &mut Unstructured<'_>, ranks: u32) -> Result<Vec<u32>> {
    let bits = input.arbitrary::<u8>()?;
    // Most saves go well.
    Ok(if bits < 0xc0 {
        Vec::new()
    } else {
        draw::ranks_of(bits, ranks)
    })
}

/// Happenings of one run at most.
const MOST: usize = 100;

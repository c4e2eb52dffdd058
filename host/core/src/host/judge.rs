//! The second half of a round: from the numbers of all ranks to the outcome.
//!
//! Everything here follows from bytes that all ranks share. Ledgers and drafts move as the round
//! goes along; [`Host::commit`] keeps that once it is confirmed, and an error takes it back.

use crate::combination::combine;
use crate::contract::{Ballot, CheckpointId, Fault, Reduced, Verdict};
use crate::error::Error;
use crate::event::Moment;
use crate::layout::Layout;
use crate::message::Kind;
use crate::outcome::{Opinion, Outcome};
use crate::seat::{Meeting, Seat};
use crate::setup::{Confirm, OnError};
use crate::shadow::Imagined;
use crate::wishes::{self, Candidate, Decided, Wish};

use super::digests::verdict_digest;
use super::news::{News, Shared};
use super::{Host, Pending, Progress, Stage};

/// An outcome that waits for its confirmation.
pub(super) struct Judged {
    outcome: Outcome,
    digest: u128,
}

/// What one policy answered, or why it could not.
struct Answer {
    policy: usize,
    /// It could be asked at all, with what this round knows.
    able: bool,
    result: Result<Verdict, String>,
    values: Vec<Reduced>,
}

/// This machine could not run the policy at this position, and why.
struct Broken(usize, String);

impl Host {
    /// Takes in the news, asks the policies and combines what they say.
    pub(super) fn judge(
        &mut self,
        mut pending: Pending,
        news: News,
    ) -> Result<Progress<Outcome>, Error> {
        let mut outcome = Outcome::idle(pending.at.moment);
        outcome.round = Some(self.course.round + 1);
        let shared = self.learn(&pending, news, &mut outcome);
        if pending.at.moment == Moment::Settled && outcome.ended.is_empty() {
            pending.asked.fill(false);
        }
        let (judged, acts, verdicts) = match self.weigh(&pending, &shared, outcome) {
            Ok(weighed) => weighed,
            Err(broken) => return Ok(self.break_off(pending, broken)),
        };
        if acts && self.rules.confirm == Confirm::Acts {
            return Ok(self.confirm(pending, judged, verdicts));
        }
        Ok(Progress::Done(self.commit(judged)))
    }

    /// Keeps what the round brought.
    pub(super) fn commit(&mut self, judged: Judged) -> Outcome {
        let Judged { outcome, digest } = judged;
        self.before = None;
        self.ledger.commit();
        for seat in &mut self.seats {
            seat.commit();
        }
        self.course.round += 1;
        if outcome.moment != Moment::Settled {
            // Whatever became of the id that was offered, it is not offered again.
            self.course.next_id += 1;
        }
        self.course.round_step = self.course.step;
        self.course.outcome = digest;
        self.course.interrupted |= outcome.interrupted;
        if outcome.save {
            self.local.save_requested = false;
        }
        self.forget_reports(&outcome);
        outcome
    }

    /// Asks the policies and applies what they wish; returns the outcome, whether it acts, and the
    /// digest of each policy's verdict.
    fn weigh(
        &mut self,
        pending: &Pending,
        shared: &Shared,
        mut outcome: Outcome,
    ) -> Result<(Judged, bool, Vec<u64>), Broken> {
        let answers = self.ask(pending, shared)?;
        self.count_failures(shared, &answers);
        let verdicts = self.verdict_digests(&answers);
        self.enforce(pending, shared, &answers, &mut outcome);
        let ordered = self.ledger.sweep(self.rules.keep_at_least);
        outcome.delete = self.ledger.deleting();
        for answer in answers {
            let opinion = self.opinion(pending, shared, answer)?;
            outcome.opinions.push(opinion);
        }
        outcome.disabled = self.seats.iter().filter_map(Seat::tripped).collect();
        let digest = self.outcome_digest(&outcome, &verdicts);
        // What is left of a save that failed is ordered to go where the save is settled.
        let failed = outcome
            .ended
            .iter()
            .any(|ended| !ended.failed_ranks.is_empty());
        let acts = outcome.save || outcome.stop || failed || !ordered.is_empty();
        Ok((Judged { outcome, digest }, acts, verdicts))
    }

    fn ask(&mut self, pending: &Pending, shared: &Shared) -> Result<Vec<Answer>, Broken> {
        let mut answers = Vec::new();
        for policy in (0..self.seats.len()).filter(|policy| pending.asked[*policy]) {
            let unable = self.unable(shared, policy);
            let able = unable.is_none();
            let meeting = meeting(&self.layout, self.place.world_size, pending, shared);
            let seat = &mut self.seats[policy];
            let values = seat.own_values(&meeting);
            let own = seat.shadow.take();
            let ledger = own.as_ref().unwrap_or(&self.ledger);
            let candidate = ledger
                .at_step(pending.at.step)
                .unwrap_or(self.course.next_id);
            let decided = match unable {
                Some(text) => Ok(Err(text)),
                None => seat.decide(ledger, candidate, &meeting).map(Ok),
            };
            seat.shadow = own;
            let result = match decided {
                Ok(result) => result,
                Err(fault @ Fault::Machine(_)) => return Err(Broken(policy, fault.to_string())),
                Err(fault) => Err(fault.to_string()),
            };
            if let Ok(verdict) = &result {
                seat.take_down(verdict);
            }
            answers.push(Answer {
                policy,
                able,
                result,
                values,
            });
        }
        Ok(answers)
    }

    /// Counts what failed by the policy's own doing: `decide`, or `observe` on any rank, whether or
    /// not the policy was asked. An input that nobody supplies is not its doing, and no success.
    fn count_failures(&mut self, shared: &Shared, answers: &[Answer]) {
        for seat in &mut self.seats {
            let answer = answers.iter().find(|answer| answer.policy == seat.index);
            let failure = match answer {
                Some(answer) if answer.able => answer.result.as_ref().err().cloned(),
                _ => shared.observe_failure(seat.index),
            };
            if let Some(text) = failure {
                seat.fail(text);
            }
        }
    }

    /// Why a policy cannot be asked at all in this round.
    fn unable(&self, shared: &Shared, policy: usize) -> Option<String> {
        let missing = || shared.missing[policy].as_ref();
        shared
            .observe_failure(policy)
            .or_else(|| missing().map(|name| self.missing_text(name)))
    }

    /// Combines the enforced policies' wishes and applies them to the real ledger.
    fn enforce(
        &mut self,
        pending: &Pending,
        shared: &Shared,
        answers: &[Answer],
        outcome: &mut Outcome,
    ) {
        let enforced = || {
            answers
                .iter()
                .filter(|answer| self.seats[answer.policy].is_enforced())
        };
        let wishes: Vec<_> = enforced()
            .map(|answer| Wish {
                policy: answer.policy,
                ballot: self.ballot(pending.at.moment, answer),
                verdict: answer.result.as_ref().ok(),
            })
            .collect();
        for answer in enforced() {
            match &answer.result {
                Ok(verdict) => {
                    outcome.stop |= verdict.stop;
                    outcome.tags.extend(verdict.tags.iter().cloned());
                }
                Err(_) => {
                    let on_error = self.seats[answer.policy].info.on_error;
                    outcome.stop |= on_error == OnError::Stop;
                }
            }
        }
        outcome.tags.sort_unstable();
        outcome.tags.dedup();
        let candidate = self
            .ledger
            .at_step(pending.at.step)
            .unwrap_or(self.course.next_id);
        let decided = self.decided(candidate, &wishes, outcome);
        let meeting = meeting(&self.layout, self.place.world_size, pending, shared);
        let save = Candidate {
            id: candidate,
            meeting: &meeting,
        };
        outcome.save = wishes::apply(&mut self.ledger, &wishes, decided, save);
        match decided {
            Decided::Save => outcome.checkpoint = Some(candidate),
            Decided::Quiet => {}
            Decided::Refused => self.lapse(answers),
        }
    }

    /// A policy's ballot or, after an error, what that counts as.
    fn ballot(&self, moment: Moment, answer: &Answer) -> Ballot {
        if moment == Moment::Settled {
            return Ballot::Abstain;
        }
        let on_error = self.seats[answer.policy].info.on_error;
        match &answer.result {
            Ok(verdict) => verdict.ballot,
            Err(_) if on_error == OnError::Save => Ballot::Save,
            Err(_) => Ballot::Abstain,
        }
    }

    fn decided(
        &self,
        candidate: CheckpointId,
        wishes: &[Wish<'_>],
        outcome: &mut Outcome,
    ) -> Decided {
        let name = |wish: &Wish<'_>| self.seats[wish.policy].info.name.as_str();
        let ballots: Vec<_> = wishes
            .iter()
            .map(|wish| (name(wish), wish.ballot))
            .collect();
        let most = self.rules.in_flight as usize;
        let full = self.ledger.get(candidate).is_none() && self.ledger.in_flight_count() >= most;
        outcome.refused = match combine(self.rules.combine, &ballots) {
            Ok(false) => return Decided::Quiet,
            Ok(true) if !full => return Decided::Save,
            Ok(true) => Some(format!(
                "{most} saves are in flight, as many as `in-flight` allows"
            )),
            Err(reason) => Some(reason),
        };
        Decided::Refused
    }

    /// A save that was asked for does not come: who asked wants to be heard again.
    fn lapse(&mut self, answers: &[Answer]) {
        for answer in answers {
            let asked = answer
                .result
                .as_ref()
                .is_ok_and(|it| it.ballot == Ballot::Save);
            let seat = &mut self.seats[answer.policy];
            if asked && seat.is_enforced() {
                seat.lapse();
            }
        }
    }

    /// Turns an answer into what outcome and journal say; a shadow's wishes come true.
    fn opinion(
        &mut self,
        pending: &Pending,
        shared: &Shared,
        answer: Answer,
    ) -> Result<Opinion, Broken> {
        let Answer {
            policy,
            able,
            result,
            values,
        } = answer;
        let mut opinion = Opinion::new(policy, values);
        let seat = &mut self.seats[policy];
        if !seat.is_enforced() {
            let meeting = meeting(&self.layout, self.place.world_size, pending, shared);
            let rules = Imagined {
                able,
                next_id: self.course.next_id,
                keep_at_least: self.rules.keep_at_least,
            };
            let shadow = seat.imagine(result.as_ref().ok(), &rules, &meeting);
            opinion.shadow = Some(shadow.map_err(|fault| Broken(policy, fault.to_string()))?);
        }
        match result {
            Ok(verdict) => opinion.say(verdict),
            Err(text) => opinion.error = Some(text),
        }
        Ok(opinion)
    }

    /// Asks all ranks whether they came to the same, before anybody acts.
    fn confirm(
        &mut self,
        pending: Pending,
        judged: Judged,
        verdicts: Vec<u64>,
    ) -> Progress<Outcome> {
        let mut message = self.message(Kind::Confirm, pending.at);
        message.outcome = judged.digest;
        message.states = verdicts;
        let stage = Stage::Confirming(Box::new(judged));
        Progress::Exchange(self.bring(pending.at, pending.asked, stage, message))
    }

    /// Takes the round back on this rank and tells the others, in whichever exchange is next.
    fn break_off(&mut self, pending: Pending, broken: Broken) -> Progress<Outcome> {
        let Broken(policy, text) = broken;
        self.faults.push((policy, text));
        self.rollback();
        let mut message = self.message(Kind::Confirm, pending.at);
        message.machine = u32::try_from(policy).ok();
        Progress::Exchange(self.bring(pending.at, pending.asked, Stage::Broken, message))
    }

    fn verdict_digests(&self, answers: &[Answer]) -> Vec<u64> {
        let mut digests = vec![0; self.seats.len()];
        for answer in answers {
            digests[answer.policy] = match &answer.result {
                Ok(verdict) => verdict_digest(verdict),
                // An error's text may hold what only this rank knows.
                Err(_) => 1,
            };
        }
        digests
    }
}

fn meeting<'a>(
    layout: &'a Layout,
    world_size: u32,
    pending: &Pending,
    shared: &'a Shared,
) -> Meeting<'a> {
    Meeting {
        at: pending.at,
        world_size,
        elapsed: shared.elapsed,
        values: &shared.values,
        inputs: &shared.inputs,
        layout,
    }
}

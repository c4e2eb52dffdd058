//! The way to an open host: what is read, what the ranks prove to each other, and in which order.
//!
//! Invariant: whatever is wrong with a configuration is an error of [`Opening::complete`]. A rank that
//! raised before the first exchange would leave the others waiting.

use std::path::Path;

use ckpt_policy::{Failure, Given, Readers, Report, Shared, Sharing, Shelf, Survey, exit, survey};
use ckpt_policy_core::{Error, Exchange, Host, Opened, Place};
use pyo3::prelude::*;

use crate::errors::{of_failure, of_host};
use crate::resume::Resume;

/// One rank's host before its first round.
pub(crate) struct Opening {
    place: Place,
    stage: Stage,
    /// What is allowed, and hardly meant.
    pub(crate) warnings: Vec<String>,
}

enum Stage {
    /// The ranks prove that they run the same thing; beside it, why this rank could not make a host.
    Last(Box<ckpt_policy_core::Opening>, Option<PyErr>),
    /// Before that they prove that rank 0 reads the policies' files for all.
    Meeting(Box<ckpt_policy_core::Opening>, Box<Preparing>),
    /// Rank 0 shares what it has read.
    Sharing(Sharing, Box<Preparing>),
}

/// What came of an exchange.
pub(crate) enum Next {
    /// One more exchange.
    Exchange(Box<Opening>, Exchange),
    /// All ranks agree.
    Host(Box<Host>),
}

/// What a host is made of, before the policies' files are there.
struct Preparing {
    survey: Survey,
    resume: Option<Resume>,
}

impl Opening {
    /// Reads a configuration, the text of a JSON document or the path of a file, and the policies.
    pub(crate) fn new(
        place: Place,
        (config, is_json): (&str, bool),
        site: Option<&Path>,
        resume: Option<Resume>,
    ) -> Self {
        let given = match is_json {
            true => Given::Json(config),
            false => Given::File(config.as_ref()),
        };
        let preparing = survey(given, site).map(|survey| Preparing { survey, resume });
        match preparing {
            Ok(preparing) if preparing.survey.readers() == Readers::RankZero => {
                let meeting = Box::new(preparing.survey.meeting(place));
                Self {
                    place,
                    stage: Stage::Meeting(meeting, Box::new(preparing)),
                    warnings: Vec::new(),
                }
            }
            preparing => {
                let made = preparing.and_then(|it| it.load(place, &Shelf::default()));
                Self::last(place, made)
            }
        }
    }

    /// Brings what was made to the opening, also where nothing could be.
    fn last(place: Place, made: Result<Made, Failure>) -> Self {
        let (opening, own, warnings) = match made {
            Ok((opening, warnings)) => (opening, None, warnings),
            Err(failure) => {
                let opening = ckpt_policy_core::Opening::failed(place, failure.headline());
                (opening, Some(of_failure(&failure)), Vec::new())
            }
        };
        Self {
            place,
            stage: Stage::Last(Box::new(opening), own),
            warnings,
        }
    }

    /// Returns the exchange of this stage.
    pub(crate) fn begin(&self) -> Exchange {
        match &self.stage {
            Stage::Last(opening, _) | Stage::Meeting(opening, _) => opening.begin(),
            Stage::Sharing(sharing, _) => sharing.begin(),
        }
    }

    /// Takes what came of the exchange under way.
    pub(crate) fn complete(mut self, carried: &Exchange) -> PyResult<Next> {
        let wrong = |error: Error| of_host(&error);
        let (stage, exchange) = match self.stage {
            Stage::Last(opening, own) => match opening.complete(carried) {
                Ok(Opened::Host(host)) => return Ok(Next::Host(host)),
                Ok(Opened::Exchange(opening, exchange)) => (Stage::Last(opening, own), exchange),
                // Its own failure is what this rank has to say, in full.
                Err(error) => return Err(own.unwrap_or_else(|| of_host(&error))),
            },
            Stage::Meeting(opening, preparing) => match opening.complete(carried).map_err(wrong)? {
                Opened::Exchange(opening, exchange) => {
                    (Stage::Meeting(opening, preparing), exchange)
                }
                Opened::Host(_) => {
                    let sharing = preparing.survey.sharing(self.place);
                    let exchange = sharing.begin();
                    (Stage::Sharing(sharing, preparing), exchange)
                }
            },
            Stage::Sharing(sharing, preparing) => match sharing.complete(carried).map_err(wrong)? {
                Shared::Exchange(sharing, exchange) => {
                    (Stage::Sharing(sharing, preparing), exchange)
                }
                Shared::Shelf(shelf) => {
                    let last = Self::last(self.place, preparing.load(self.place, &shelf));
                    let exchange = last.begin();
                    return Ok(Next::Exchange(Box::new(last), exchange));
                }
            },
        };
        self.stage = stage;
        Ok(Next::Exchange(Box::new(self), exchange))
    }
}

impl Preparing {
    /// Loads the policies from a shelf; returns the opening, and what there is to warn of.
    fn load(self, place: Place, shelf: &Shelf) -> Result<Made, Failure> {
        let policies = self.survey.load_from(shelf).map_err(Failure::from)?;
        let setup = policies.setup(place);
        let opening = match &self.resume {
            Some(resume) => {
                let resume = resume.read().map_err(|error| {
                    let hint = "pass the text that `Host.snapshot` returned";
                    Failure::new(exit::USER, Report::new(error.to_string()).hint(hint))
                })?;
                ckpt_policy_core::Opening::resume(setup, resume)
            }
            None => ckpt_policy_core::Opening::new(setup),
        };
        Ok((opening, policies.warnings()))
    }
}

type Made = (ckpt_policy_core::Opening, Vec<String>);

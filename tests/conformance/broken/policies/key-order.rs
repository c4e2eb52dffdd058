//! Takes the length of its configuration's text for a setting: other spaces, other settings.
//! fails: agreement.settings

use broken::{Fault, Good, export};
use ckpt_policy_sdk::call::{self, Answer};
use ckpt_policy_sdk::{Error, Observation, Prepared, Round};

pub struct Broken;

impl Fault for Broken {
    fn prepare(config: &str, previous: Option<&[u8]>) -> Result<Prepared, Error> {
        let mut prepared = call::prepare::<Good<Self>>(config, previous)?;
        prepared.settings.push(config.len() as u8);
        Ok(prepared)
    }

    fn observe(
        settings: &[u8],
        state: &[u8],
        observation: &Observation,
    ) -> Result<Vec<Option<f64>>, Error> {
        call::observe::<Good<Self>>(without_length(settings), state, observation)
    }

    fn decide(settings: &[u8], state: &[u8], round: &Round) -> Result<Answer, Error> {
        let mut answer = call::decide::<Good<Self>>(without_length(settings), state, round)?;
        answer
            .reason
            .push_str(&format!(", under {:?}", settings.last()));
        Ok(answer)
    }
}

fn without_length(settings: &[u8]) -> &[u8] {
    settings.split_last().map_or(&[], |(_, rest)| rest)
}

export!(Broken);

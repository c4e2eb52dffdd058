//! What a host wants carried between the ranks, and what comes back.
//!
//! There are two kinds of exchange, and every communication library has both: an all-gather of
//! bytes, and an all-reduce of integers. Which one it is follows from what the ranks agreed on when
//! they opened, so all of them come to the same kind at the same time.

/// What must travel between the ranks before a host can go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// All-gather these bytes: every rank gets the bytes of all, concatenated in the order of the
    /// ranks. All ranks bring the same number of bytes.
    Gather(Vec<u8>),
    /// All-reduce these integers, element by element: every rank gets the sums and the maxima over
    /// all ranks. All ranks bring the same numbers of integers.
    Reduce {
        /// Replaced by the sums, which wrap around.
        sum: Vec<i64>,
        /// Replaced by the largest; often empty, and then nothing has to travel.
        max: Vec<i64>,
    },
}

impl Exchange {
    /// Returns the bytes of a gather, for whoever knows that it is one.
    #[must_use]
    pub fn into_message(self) -> Option<Vec<u8>> {
        match self {
            Self::Gather(message) => Some(message),
            Self::Reduce { .. } => None,
        }
    }

    /// Returns how many bytes this rank brings.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Gather(message) => message.len(),
            Self::Reduce { sum, max } => size_of::<i64>() * (sum.len() + max.len()),
        }
    }
}

/// Returns bytes as integers, eight to each; the last one is filled up with zeros.
///
/// Where all other ranks bring zeros, the sum over all ranks is what this one brings.
pub fn integers_of(bytes: &[u8]) -> impl Iterator<Item = i64> + '_ {
    bytes.chunks(8).map(|part| {
        let mut bytes = [0; 8];
        bytes[..part.len()].copy_from_slice(part);
        i64::from_le_bytes(bytes)
    })
}

/// Returns what [`integers_of`] has made integers of, the zeros at the end included.
#[must_use]
pub fn bytes_of(integers: &[i64]) -> Vec<u8> {
    integers.iter().flat_map(|it| it.to_le_bytes()).collect()
}

/// What came of an [`Exchange`].
///
/// An exchange in a world of one rank is its own result, and so it can be handed over as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried<'a> {
    /// The bytes of all ranks, concatenated in their order.
    Gathered(&'a [u8]),
    /// The integers over all ranks.
    Reduced {
        /// The sums.
        sum: &'a [i64],
        /// The largest.
        max: &'a [i64],
    },
}

impl<'a> From<&'a [u8]> for Carried<'a> {
    fn from(messages: &'a [u8]) -> Self {
        Self::Gathered(messages)
    }
}

impl<'a> From<&'a Vec<u8>> for Carried<'a> {
    fn from(messages: &'a Vec<u8>) -> Self {
        Self::Gathered(messages)
    }
}

impl<'a> From<&'a Exchange> for Carried<'a> {
    fn from(carried: &'a Exchange) -> Self {
        match carried {
            Exchange::Gather(messages) => Self::Gathered(messages),
            Exchange::Reduce { sum, max } => Self::Reduced { sum, max },
        }
    }
}

impl<'a> Carried<'a> {
    /// Returns the sums of a reduction of so many integers and no maxima.
    ///
    /// # Errors
    ///
    /// That something else arrived.
    pub(crate) fn summed(self, count: usize) -> Result<&'a [i64], String> {
        match self {
            Self::Reduced { sum, max: [] } if sum.len() == count => Ok(sum),
            Self::Reduced { sum, max } => Err(format!(
                "{} sums and {} maxima arrived, {count} and 0 were expected",
                sum.len(),
                max.len()
            )),
            Self::Gathered(_) => {
                Err("gathered bytes arrived where reduced integers were expected".to_owned())
            }
        }
    }

    /// Returns the messages of a gather.
    ///
    /// # Errors
    ///
    /// That something else arrived.
    pub(crate) fn gathered(self) -> Result<&'a [u8], String> {
        match self {
            Self::Gathered(messages) => Ok(messages),
            Self::Reduced { .. } => {
                Err("reduced integers arrived where gathered bytes were expected".to_owned())
            }
        }
    }
}

//! What must travel between the ranks, and what comes back.

use ckpt_policy_core::Exchange as Carried;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// What must travel between the ranks: bytes to gather, or integers to sum and to take the largest of.
///
/// Whatever carries it, all ranks do so at the same time. In a world of one rank it is its own result.
#[pyclass(frozen, module = "ckpt_policy")]
#[derive(Debug)]
pub(crate) struct Exchange(pub(crate) Carried);

#[pymethods]
impl Exchange {
    /// `gather` or `reduce`.
    #[getter]
    fn kind(&self) -> &'static str {
        match self.0 {
            Carried::Gather(_) => "gather",
            Carried::Reduce { .. } => "reduce",
        }
    }

    /// For `gather`: this rank's message; all ranks have one of the same length.
    #[getter]
    fn message<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        match &self.0 {
            Carried::Gather(message) => PyBytes::new(py, message),
            Carried::Reduce { .. } => PyBytes::new(py, &[]),
        }
    }

    /// For `reduce`: integers of 64 bits in the machine's order of bytes, to be summed over all ranks;
    /// sums wrap around.
    #[getter]
    fn sums<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        match &self.0 {
            Carried::Gather(_) => PyBytes::new(py, &[]),
            Carried::Reduce { sum, .. } => of_integers(py, sum),
        }
    }

    /// For `reduce`: integers like them, of which the largest over all ranks is wanted; often none.
    #[getter]
    fn maxima<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        match &self.0 {
            Carried::Gather(_) => PyBytes::new(py, &[]),
            Carried::Reduce { max, .. } => of_integers(py, max),
        }
    }

    fn __repr__(&self) -> String {
        match &self.0 {
            Carried::Gather(message) => format!("<Exchange: gather {} bytes>", message.len()),
            Carried::Reduce { sum, max } => format!(
                "<Exchange: sum {} integers, largest of {}>",
                sum.len(),
                max.len()
            ),
        }
    }
}

/// Takes what came of an exchange: the bytes of all ranks, or the sums and the maxima.
pub(crate) fn carried(value: &Bound<'_, PyAny>) -> PyResult<Carried> {
    if let Ok(message) = value.cast::<PyBytes>() {
        return Ok(Carried::Gather(message.as_bytes().to_vec()));
    }
    let both: PyResult<(Bound<'_, PyBytes>, Bound<'_, PyBytes>)> = value.extract();
    let Ok((sum, max)) = both else {
        let found = value.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "expected the gathered bytes, or a tuple of the sums and the maxima as bytes, found {found}"
        )));
    };
    Ok(Carried::Reduce {
        sum: integers(sum.as_bytes())?,
        max: integers(max.as_bytes())?,
    })
}

/// Returns integers of 64 bits in this machine's order of bytes.
pub(crate) fn of_integers<'py>(py: Python<'py>, integers: &[i64]) -> Bound<'py, PyBytes> {
    let bytes: Vec<u8> = integers.iter().flat_map(|it| it.to_ne_bytes()).collect();
    PyBytes::new(py, &bytes)
}

/// Reads integers of 64 bits in this machine's order of bytes.
pub(crate) fn integers(bytes: &[u8]) -> PyResult<Vec<i64>> {
    let (numbers, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() {
        let found = bytes.len();
        return Err(PyValueError::new_err(format!(
            "expected integers of eight bytes each, found {found} bytes"
        )));
    }
    Ok(numbers.iter().map(|it| i64::from_ne_bytes(*it)).collect())
}

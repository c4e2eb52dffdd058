//! What a trainer tells: a moment, and this rank's numbers.

use ckpt_policy_core::{Metrics, Moment, nearest};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};

/// A moment of a run, with this rank's own numbers.
///
/// `moment` is `train-start`, `step-end`, `epoch-end`, `validation-end`, `train-end` or `interrupted`;
/// `step` counts optimizer steps done, `epoch` the one in progress, from 0. `metrics` has numbers by
/// name, whatever `float()` takes, also tensors of one element; `None` is a number that this rank does
/// not have. Facts that only the trainer knows are metrics of reserved names: `host.elapsed-seconds`,
/// `host.unix-seconds`, `host.free-bytes`, `host.remaining-seconds`, `host.max-steps`.
///
/// Raises `ValueError` for a moment that there is not, `TypeError` for a metric that is no number.
#[pyclass(frozen, eq, skip_from_py_object, module = "ckpt_policy")]
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event(pub(crate) ckpt_policy_core::Event);

#[pymethods]
impl Event {
    #[new]
    #[pyo3(signature = (moment, step, epoch = 0, metrics = None))]
    fn new(
        moment: &str,
        step: u64,
        epoch: u64,
        metrics: Option<&Bound<'_, PyMapping>>,
    ) -> PyResult<Self> {
        let moment = moments()
            .find(|it| it.name() == moment)
            .ok_or_else(|| unknown(moment))?;
        let metrics = match metrics {
            Some(metrics) => numbers(metrics)?,
            None => Metrics::new(),
        };
        Ok(Self(ckpt_policy_core::Event {
            moment,
            step,
            epoch,
            metrics,
        }))
    }

    /// The moment's name.
    #[getter]
    fn moment(&self) -> &'static str {
        self.0.moment.name()
    }

    /// Optimizer steps done.
    #[getter]
    fn step(&self) -> u64 {
        self.0.step
    }

    /// The epoch in progress, from 0.
    #[getter]
    fn epoch(&self) -> u64 {
        self.0.epoch
    }

    /// This rank's numbers by name, as they are compared: -0.0 is 0.0.
    #[getter]
    fn metrics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let metrics = PyDict::new(py);
        for (name, number) in self.0.metrics.iter() {
            metrics.set_item(name, number)?;
        }
        Ok(metrics)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (moment, step, epoch) = (self.moment(), self.step(), self.epoch());
        let metrics = self.metrics(py)?.repr()?;
        Ok(format!(
            "Event('{moment}', step={step}, epoch={epoch}, metrics={metrics})"
        ))
    }
}

/// Returns the moments of trainers; a settling round is the host's own.
fn moments() -> impl Iterator<Item = Moment> {
    let all = Moment::ALL.into_iter();
    all.filter(|it| *it != Moment::Settled)
}

fn unknown(name: &str) -> PyErr {
    let names: Vec<_> = moments().map(Moment::name).collect();
    let known = names.join("`, `");
    let hint = match nearest(name, names.into_iter()) {
        Some(nearest) => format!("; did you mean `{nearest}`?"),
        None => String::new(),
    };
    PyValueError::new_err(format!(
        "`{name}` is no moment, expected one of `{known}`{hint}"
    ))
}

/// Takes numbers from a mapping; `None` is a number that this rank does not have.
fn numbers(mapping: &Bound<'_, PyMapping>) -> PyResult<Metrics> {
    let mut metrics = Metrics::new();
    for item in mapping.items()?.iter() {
        let (name, value) = item.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
        let name: String = name.extract().map_err(|_| {
            let text = format!("a metric's name is a text, found {}", kind(&name));
            PyTypeError::new_err(text)
        })?;
        if value.is_none() {
            continue;
        }
        // Whatever says that it is a number: also a tensor of one element, on whatever device.
        let number = value.extract::<f64>().map_err(|error| {
            let found = kind(&value);
            let text = format!("metric `{name}`: expected one number, found {found} ({error})");
            PyTypeError::new_err(text)
        })?;
        metrics.insert(name, number);
    }
    Ok(metrics)
}

fn kind(value: &Bound<'_, PyAny>) -> String {
    let name = value.get_type().name();
    name.map_or_else(|_| "something else".to_owned(), |name| name.to_string())
}

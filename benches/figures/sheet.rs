//! The figures as they come in, each printed beside its baseline.

use crate::figure::{Baseline, Figure};
use crate::load::Load;

#[derive(Default)]
pub(crate) struct Sheet {
    pub(crate) figures: Vec<Figure>,
}

impl Sheet {
    pub(crate) fn baseline(what: &str, value: f64, unit: &str) -> Baseline {
        Baseline {
            what: what.to_owned(),
            value,
            unit: unit.to_owned(),
        }
    }

    /// The rate of a load.
    pub(crate) fn rate(
        &mut self,
        id: &str,
        what: &str,
        load: &Load,
        baseline: Option<(&str, f64)>,
    ) {
        self.add(Figure {
            id: id.to_owned(),
            what: what.to_owned(),
            value: load.rate(),
            unit: "/s".to_owned(),
            p50_ms: Some(load.millis(500)),
            p99_ms: Some(load.millis(990)),
            failed: Some(load.failed),
            baseline: baseline.map(|(what, value)| Self::baseline(what, value, "/s")),
        });
    }

    /// A single number, in the unit of its baseline.
    pub(crate) fn value(
        &mut self,
        id: &str,
        what: &str,
        value: f64,
        unit: &str,
        baseline: Option<(&str, f64)>,
    ) {
        self.add(Figure {
            id: id.to_owned(),
            what: what.to_owned(),
            value,
            unit: unit.to_owned(),
            p50_ms: None,
            p99_ms: None,
            failed: None,
            baseline: baseline.map(|(what, value)| Self::baseline(what, value, unit)),
        });
    }

    pub(crate) fn add(&mut self, mut figure: Figure) {
        round(&mut figure.value);
        figure
            .p50_ms
            .iter_mut()
            .chain(&mut figure.p99_ms)
            .for_each(round);
        figure
            .baseline
            .iter_mut()
            .for_each(|baseline| round(&mut baseline.value));
        let ratio = figure
            .ratio()
            .map_or(String::new(), |ratio| format!("{ratio:.2}×"));
        let beside = figure.baseline.as_ref().map_or(String::new(), |baseline| {
            format!(
                "beside {} {} ({})",
                baseline.value, baseline.unit, baseline.what
            )
        });
        let percentiles = match (figure.p50_ms, figure.p99_ms) {
            (Some(p50), Some(p99)) => format!("p50 {p50} ms, p99 {p99} ms, "),
            _ => String::new(),
        };
        let failed = figure
            .failed
            .map_or(String::new(), |failed| format!("{failed} failed, "));
        println!(
            "{:<24} {} {} {ratio} {percentiles}{failed}{beside}",
            figure.id, figure.value, figure.unit
        );
        self.figures.push(figure);
    }
}

/// Three digits, which is more than two runs agree in.
pub(crate) fn round(value: &mut f64) {
    if !value.is_finite() || *value == 0.0 {
        return;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the order of magnitude of a measurement"
    )]
    let scale = 10_f64.powi(2 - value.abs().log10().floor() as i32);
    *value = if scale >= 1.0 {
        (*value * scale).round() / scale
    } else {
        value.round()
    };
}

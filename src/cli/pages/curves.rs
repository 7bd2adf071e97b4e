//! Curves over logarithmic axes.

use crate::cli::pages::svg::{COLOURS, GRID, LEFT, RIGHT, Svg, TOP, WIDTH, as_float};

const HEIGHT: f64 = 340.0;
const BOTTOM: f64 = HEIGHT - 46.0;
/// The least that a logarithmic axis shows.
const LEAST: f64 = 0.01;

/// An axis whose labels are powers of ten.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogAxis {
    least: f64,
    most: f64,
}

impl LogAxis {
    /// The decades that hold all values.
    pub fn of<'a>(values: impl Iterator<Item = &'a f64>) -> Self {
        let logs = values.map(|value| value.max(LEAST).log10());
        let (least, most) = logs.fold((f64::MAX, f64::MIN), |(least, most), log| {
            (least.min(log), most.max(log))
        });
        if least > most {
            return Self {
                least: 0.0,
                most: 1.0,
            };
        }
        Self {
            least: least.floor(),
            most: most.ceil().max(least.floor() + 1.0),
        }
    }

    /// The place of a value: 0 at the beginning of the axis, 1 at its end.
    pub fn part(self, value: f64) -> f64 {
        (value.max(LEAST).log10() - self.least) / (self.most - self.least)
    }

    /// The powers of ten on it.
    pub fn decades(self) -> impl Iterator<Item = f64> {
        let count = std::iter::successors(Some(self.least), |decade| Some(decade + 1.0));
        count
            .take_while(move |decade| *decade <= self.most)
            .map(|decade| 10_f64.powf(decade))
    }
}

/// The horizontal place of a part of an axis.
pub fn across(part: f64) -> f64 {
    LEFT + part * (WIDTH - LEFT - RIGHT)
}

/// The vertical place of a part of an axis, from below.
pub fn up(part: f64) -> f64 {
    BOTTOM - part * (BOTTOM - TOP)
}

/// An empty chart with the labels of its horizontal axis.
pub fn empty(title: &str, axis: LogAxis, label: fn(f64) -> String) -> Svg {
    let mut svg = Svg::new(HEIGHT, title);
    for value in axis.decades() {
        let at = across(axis.part(value));
        svg.line((at, TOP), (at, BOTTOM), GRID);
        svg.text((at, BOTTOM + 18.0), "middle", &label(value));
    }
    svg
}

/// A line that helps the eye at a height, with its label.
pub fn level(svg: &mut Svg, part: f64, label: &str) {
    let at = up(part);
    svg.line((LEFT, at), (WIDTH - RIGHT, at), GRID);
    svg.text((LEFT - 8.0, at + 4.0), "end", label);
}

/// Named curves over two logarithmic axes; none without points.
pub fn chart(title: &str, labels: [fn(f64) -> String; 2], curves: &[Curve]) -> Option<String> {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    points().next()?;
    let below = LogAxis::of(points().map(|(x, _)| x));
    let beside = LogAxis::of(points().map(|(_, y)| y));
    let [x_label, y_label] = labels;
    let mut svg = empty(title, below, x_label);
    for value in beside.decades() {
        level(&mut svg, beside.part(value), &y_label(value));
    }
    for (place, curve) in curves.iter().enumerate() {
        let colour = COLOURS[place % COLOURS.len()];
        let points: Vec<_> = curve
            .points
            .iter()
            .map(|(x, y)| (across(below.part(*x)), up(beside.part(*y))))
            .collect();
        svg.polyline(&points, colour);
        for (x, y) in points {
            svg.bar((x - 2.5, y - 2.5), (5.0, 5.0), colour);
        }
        svg.legend(&curve.name, colour);
    }
    Some(svg.end())
}

/// A curve with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// The name in the legend.
    pub name: String,
    /// Its points, from left to right.
    pub points: Vec<(f64, f64)>,
}

/// Milliseconds as labels show them.
pub fn time_label(ms: f64) -> String {
    if ms >= 1_000.0 {
        format!("{} s", ms / 1_000.0)
    } else {
        format!("{ms} ms")
    }
}

/// A steep curve of the part of samples that are at most so large.
pub fn cumulated(svg: &mut Svg, axis: LogAxis, samples: &mut [f64], colour: &str) {
    samples.sort_by(f64::total_cmp);
    let count = as_float(samples.len());
    let points: Vec<_> = samples
        .iter()
        .enumerate()
        .map(|(at, value)| (across(axis.part(*value)), up(as_float(at + 1) / count)))
        .collect();
    svg.polyline(&points, colour);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_holds_whole_decades() {
        let axis = LogAxis::of([3.0, 250.0].iter());
        let decades: Vec<f64> = axis.decades().collect();
        assert_eq!(decades, [1.0, 10.0, 100.0, 1_000.0]);
        assert!(axis.part(1.0).abs() < 1e-9 && (axis.part(1_000.0) - 1.0).abs() < 1e-9);
        // One value alone has a decade around it.
        assert_eq!(LogAxis::of([10.0].iter()).decades().count(), 2);
    }

    #[test]
    fn a_chart_without_points_is_none() {
        let labels: [fn(f64) -> String; 2] = [time_label, time_label];
        assert_eq!(chart("empty", labels, &[]), None);
        let curve = Curve {
            name: "a < b".to_owned(),
            points: vec![(1.0, 2.0), (100.0, 20.0)],
        };
        let svg = chart("one", labels, &[curve]).unwrap();
        assert!(
            svg.contains("a &lt; b") && svg.contains("polyline"),
            "{svg}"
        );
    }
}

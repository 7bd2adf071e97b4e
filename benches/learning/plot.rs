//! The plot of `docs/learning.md`.

use plotters::prelude::*;

use crate::stage::{Condition, Outcome};

/// Tasks that are drawn as one point.
const BLOCK: usize = 10;

/// Acceptance over time, a line for each condition.
pub(crate) fn acceptance(outcomes: &[(&Condition, Outcome)], tasks: usize) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/learning/acceptance.svg");
    let area = SVGBackend::new(path, (800, 420)).into_drawing_area();
    area.fill(&WHITE).unwrap();
    let mut chart = ChartBuilder::on(&area)
        .margin(16)
        .x_label_area_size(40)
        .y_label_area_size(48)
        .build_cartesian_2d(0..tasks, 0_f64..100.0)
        .unwrap();
    chart
        .configure_mesh()
        .x_desc("tasks done by each person")
        .y_desc("answers accepted, %")
        .draw()
        .unwrap();
    let colors = [BLACK, GREEN, BLUE, RED];
    for ((condition, outcome), color) in outcomes.iter().zip(colors) {
        let points = (0..tasks / BLOCK).map(|block| {
            let from = block * BLOCK;
            let of = |_, task| (from..from + BLOCK).contains(&task);
            (from + BLOCK / 2, 100.0 * outcome.acceptance(of))
        });
        chart
            .draw_series(LineSeries::new(points, color.stroke_width(2)))
            .unwrap()
            .label(condition.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], color));
    }
    chart
        .configure_series_labels()
        .background_style(WHITE)
        .border_style(BLACK)
        .position(SeriesLabelPosition::LowerRight)
        .draw()
        .unwrap();
    area.present().unwrap();
    println!("\nplotted in {path}");
}

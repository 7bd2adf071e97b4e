//! The curves of `docs/performance.md`: what is left of the rate of each load as rows are added.

use plotters::prelude::*;

use crate::figure::Growth;

const COLORS: [RGBColor; 9] = [
    BLACK,
    GREEN,
    BLUE,
    RED,
    MAGENTA,
    CYAN,
    RGBColor(255, 152, 0),
    RGBColor(121, 85, 72),
    RGBColor(158, 158, 158),
];

/// Draws the rates in hundredths of those with the fewest rows.
pub(crate) fn draw(growth: &[Growth]) {
    let (Some(least), Some(most)) = (
        growth.iter().map(|one| one.rows).min(),
        growth.iter().map(|one| one.rows).max(),
    ) else {
        return;
    };
    let area = SVGBackend::new("docs/performance-growth.svg", (800, 520)).into_drawing_area();
    area.fill(&WHITE).unwrap();
    let mut chart = ChartBuilder::on(&area)
        .margin(16)
        .x_label_area_size(40)
        .y_label_area_size(48)
        .build_cartesian_2d((least..most).log_scale(), 0_f64..150.0)
        .unwrap();
    chart
        .configure_mesh()
        .x_desc("rows stored")
        .y_desc("requests a second, % of those with the fewest rows")
        .draw()
        .unwrap();
    let first = growth.iter().filter(|one| one.rows == least);
    for (base, color) in first.zip(COLORS) {
        let same = growth.iter().filter(|one| one.what == base.what);
        let points = same.map(|one| (one.rows, 100.0 * one.value / base.value));
        chart
            .draw_series(LineSeries::new(points, color.stroke_width(2)))
            .unwrap()
            .label(base.what.as_str())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], color));
    }
    chart
        .configure_series_labels()
        .background_style(WHITE)
        .border_style(BLACK)
        .position(SeriesLabelPosition::LowerLeft)
        .draw()
        .unwrap();
    area.present().unwrap();
}

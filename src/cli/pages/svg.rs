//! A drawing: its frame and the marks on it.

use std::fmt::Write as _;

/// The width of every drawing, in pixels.
pub const WIDTH: f64 = 760.0;
/// The room left of what is plotted, in pixels.
pub const LEFT: f64 = 120.0;
/// The room right of it, in pixels.
pub const RIGHT: f64 = 20.0;
/// The room above it, for the title and the legend, in pixels.
pub const TOP: f64 = 46.0;
/// Colours that differ for most eyes, in the order of their use.
pub const COLOURS: [&str; 7] = [
    "#4e79a7", "#f28e2b", "#edc948", "#76b7b2", "#e15759", "#bab0ac", "#59a14f",
];
/// The colour of lines that help the eye.
pub const GRID: &str = "#e0e0e0";

/// A drawing that is being made.
#[derive(Clone, Debug)]
pub struct Svg {
    text: String,
    /// The place of the next name in the legend.
    legend_at: f64,
}

impl Svg {
    /// White, with a title.
    pub fn new(height: f64, title: &str) -> Self {
        let text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
        );
        let mut svg = Self {
            text,
            legend_at: LEFT,
        };
        svg.text((LEFT, 18.0), "start", title);
        svg
    }

    /// A straight line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str) {
        let _ = writeln!(
            self.text,
            r#"<line x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}" stroke="{colour}"/>"#,
            from.0, from.1, to.0, to.1
        );
    }

    /// A line through points.
    pub fn polyline(&mut self, points: &[(f64, f64)], colour: &str) {
        let points: Vec<_> = points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let _ = writeln!(
            self.text,
            r#"<polyline fill="none" stroke="{colour}" stroke-width="2" points="{}"/>"#,
            points.join(" ")
        );
    }

    /// A full rectangle from its upper left corner.
    pub fn bar(&mut self, at: (f64, f64), size: (f64, f64), colour: &str) {
        let _ = writeln!(
            self.text,
            r#"<rect x="{:.1}" y="{:.1}" width="{:.1}" height="{:.1}" fill="{colour}"/>"#,
            at.0, at.1, size.0, size.1
        );
    }

    /// Words; `anchor` is the end of them that stands at the point: `start`, `middle` or `end`.
    pub fn text(&mut self, at: (f64, f64), anchor: &str, words: &str) {
        let words = words.replace('&', "&amp;").replace('<', "&lt;");
        let _ = writeln!(
            self.text,
            r#"<text x="{:.1}" y="{:.1}" text-anchor="{anchor}">{words}</text>"#,
            at.0, at.1
        );
    }

    /// The next name of the legend.
    pub fn legend(&mut self, name: &str, colour: &str) {
        let at = self.legend_at;
        self.bar((at, 26.0), (10.0, 10.0), colour);
        self.text((at + 14.0, 35.0), "start", name);
        // About seven pixels a character.
        self.legend_at += 30.0 + 6.5 * as_float(name.chars().count());
    }

    /// The whole file.
    pub fn end(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }
}

/// A count as a coordinate.
pub fn as_float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

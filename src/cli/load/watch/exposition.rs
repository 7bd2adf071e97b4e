//! Metrics in the text format of Prometheus, as far as they are needed here.

use std::collections::BTreeMap;

/// The series of one or several servers, added up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exposition(BTreeMap<String, f64>);

impl Exposition {
    /// Adds the series of a server.
    pub fn add(&mut self, text: &str) {
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else {
                continue;
            };
            if let Ok(value) = value.parse::<f64>() {
                *self.0.entry(series.to_owned()).or_default() += value;
            }
        }
    }

    /// The sum of all series of a name.
    pub fn sum(&self, name: &str) -> f64 {
        self.sum_with(name, &[])
    }

    /// The sum of those with these labels.
    pub fn sum_with(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let from = self.0.range(name.to_owned()..);
        from.take_while(|(series, _)| series.starts_with(name))
            .filter(|(series, _)| {
                let rest = &series[name.len()..];
                let is_named = rest.is_empty() || rest.starts_with('{');
                is_named
                    && labels
                        .iter()
                        .all(|(label, value)| rest.contains(&format!("{label}=\"{value}\"")))
            })
            .map(|(_, value)| value)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_of_a_name_are_added_up_over_servers_and_labels() {
        let text = "# HELP calls_total Calls.\ncalls_total{phase=\"chat\",status=\"success\"} 3\n\
                    calls_total{phase=\"chat\",status=\"error\"} 1\ncalls_total_other 100\nready 1\n";
        let mut all = Exposition::default();
        all.add(text);
        all.add(text);
        assert!((all.sum("calls_total") - 8.0).abs() < 1e-9);
        let good = all.sum_with("calls_total", &[("status", "success"), ("phase", "chat")]);
        assert!((good - 6.0).abs() < 1e-9);
        assert!((all.sum("ready") - 2.0).abs() < 1e-9);
        assert!(all.sum("absent").abs() < 1e-9);
    }
}

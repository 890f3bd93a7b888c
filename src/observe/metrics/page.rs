//! The page that Prometheus reads, in its text format 0.0.4.

use std::fmt::Write;

use super::{histogram::Histogram, table::Metric};

/// What is written of it so far.
#[derive(Default)]
pub(in crate::observe) struct Page(pub(super) String);

impl Page {
    /// A number without labels.
    pub(super) fn one(&mut self, metric: &Metric, value: f64) {
        self.all(metric, [([], value)]);
    }

    /// All numbers of a metric, each with the values of its labels.
    pub(super) fn all<'a, const N: usize>(
        &mut self,
        metric: &Metric,
        samples: impl IntoIterator<Item = ([&'a str; N], f64)>,
    ) {
        self.head(metric);
        for (values, value) in samples {
            self.sample(metric, &values, value);
        }
    }

    /// What says what follows.
    pub(in crate::observe) fn head(&mut self, metric: &Metric) {
        let (name, help, kind) = (metric.name, metric.help, metric.kind.name());
        // Writing to a string cannot fail.
        writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}").unwrap_or_default();
    }

    /// One number.
    pub(in crate::observe) fn sample(&mut self, metric: &Metric, values: &[&str], value: f64) {
        self.line(metric, "", (values, None), value);
    }

    /// One histogram.
    pub(in crate::observe) fn histogram(
        &mut self,
        metric: &Metric,
        values: &[&str],
        histogram: &Histogram,
    ) {
        let (steps, all) = histogram.up_to();
        for (step, count) in steps {
            self.line(metric, "_bucket", (values, Some(step)), count as f64);
        }
        let beyond = (values, Some(f64::INFINITY));
        self.line(metric, "_bucket", beyond, all as f64);
        self.line(metric, "_sum", (values, None), histogram.sum());
        self.line(metric, "_count", (values, None), all as f64);
    }

    fn line(
        &mut self,
        metric: &Metric,
        of: &str,
        (values, step): (&[&str], Option<f64>),
        value: f64,
    ) {
        debug_assert_eq!(metric.labels.len(), values.len(), "{}", metric.name);
        self.0.push_str(metric.name);
        self.0.push_str(of);
        let mut before = '{';
        for (label, value) in metric.labels.iter().zip(values) {
            write!(self.0, "{before}{label}=\"").unwrap_or_default();
            self.quoted(value);
            before = ',';
        }
        match step {
            Some(step) if step.is_infinite() => {
                write!(self.0, "{before}le=\"+Inf\"}}").unwrap_or_default()
            }
            Some(step) => write!(self.0, "{before}le=\"{step}\"}}").unwrap_or_default(),
            None if before == ',' => self.0.push('}'),
            None => {}
        }
        writeln!(self.0, " {value}").unwrap_or_default();
    }

    /// A name may be a server's own words.
    fn quoted(&mut self, value: &str) {
        for c in value.chars() {
            match c {
                '\\' => self.0.push_str("\\\\"),
                '"' => self.0.push_str("\\\""),
                '\n' => self.0.push_str("\\n"),
                c => self.0.push(c),
            }
        }
        self.0.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metrics::table::{TOOL_DURATION, UP, UPTIME};

    #[test]
    fn a_servers_words_cannot_leave_their_label() {
        let mut page = Page::default();
        page.all(&UP, [(["a\"} 1\nb\\"], 1.0)]);
        let last = page.0.lines().last().unwrap();
        assert_eq!(last, r#"mcp_server_up{server="a\"} 1\nb\\"} 1"#);
    }

    #[test]
    fn a_histogram_ends_with_all_there_were() {
        let (mut page, histogram) = (Page::default(), TOOL_DURATION.histogram());
        histogram.record(250_000);
        page.histogram(&TOOL_DURATION, &["read", "files"], &histogram);
        page.one(&UPTIME, 1.5);
        let name = r#"mcp_tool_call_duration_seconds_bucket{tool_name="read",server="files","#;
        assert!(page.0.contains(&format!("{name}le=\"0.0001\"}} 0\n")));
        assert!(page.0.contains(&format!("{name}le=\"0.0005\"}} 1\n")));
        assert!(page.0.contains(&format!("{name}le=\"+Inf\"}} 1\n")));
        assert!(
            page.0
                .contains("_sum{tool_name=\"read\",server=\"files\"} 0.00025\n")
        );
        assert!(page.0.ends_with("\nmcp_uptime_seconds 1.5\n"));
    }
}

//! A piece of a table, and how numbers are written for people.

use super::window::Rate;
use crate::observe::one_line;

/// How good what it says is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Good,
    Bad,
    Odd,
    Faint,
}

/// A piece of a table.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub(super) text: String,
    /// What it is sorted by, if it is a number.
    pub(super) weight: Option<f64>,
    pub(super) tone: Tone,
}

/// A table: its columns, its rows.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) head: Vec<&'static str>,
    pub(super) rows: Vec<Vec<Cell>>,
    /// What is said where there is no row.
    pub(super) empty: &'static str,
}

impl Sheet {
    /// The same rows in another order: the largest number first, or the first text.
    pub(super) fn sorted(mut self, column: usize, reversed: bool) -> Self {
        self.rows.sort_by(|one, other| {
            let (Some(one), Some(other)) = (one.get(column), other.get(column)) else {
                return std::cmp::Ordering::Equal;
            };
            match (one.weight, other.weight) {
                (None, None) => one.text.cmp(&other.text),
                (ours, theirs) => {
                    let number = |weight: Option<f64>| weight.unwrap_or(f64::NEG_INFINITY);
                    number(theirs).total_cmp(&number(ours))
                }
            }
        });
        if reversed {
            self.rows.reverse();
        }
        self
    }
}

impl Cell {
    fn of(text: String, weight: Option<f64>) -> Self {
        Self {
            text,
            weight,
            tone: Tone::Plain,
        }
    }

    /// What somebody else may have written.
    pub(super) fn words(text: &str) -> Self {
        let words = match text.is_empty() {
            true => "-".to_owned(),
            false => one_line(text),
        };
        Self::of(words, None)
    }

    pub(super) fn count(count: u64) -> Self {
        Self::of(counted(count), Some(count as f64))
    }

    /// A count that is better 0.
    pub(super) fn trouble(count: u64) -> Self {
        let tone = match count {
            0 => Tone::Plain,
            _ => Tone::Bad,
        };
        Self::count(count).in_tone(tone)
    }

    /// So many a second.
    pub(super) fn rate(rate: Rate) -> Self {
        let text = rate.per_second.map_or("-".to_owned(), per_second);
        Self::of(text, rate.per_second)
    }

    /// A time in seconds.
    pub(super) fn time(seconds: Option<f64>) -> Self {
        Self::of(seconds.map_or("-".to_owned(), lasting), seconds)
    }

    pub(super) fn in_tone(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }
}

/// `999`, `12,345`, `1.23M`.
pub(super) fn counted(count: u64) -> String {
    match count {
        0..1_000 => count.to_string(),
        1_000..1_000_000 => format!("{},{:03}", count / 1_000, count % 1_000),
        1_000_000..1_000_000_000 => format!("{:.2}M", count as f64 / 1e6),
        _ => format!("{:.2}G", count as f64 / 1e9),
    }
}

/// `0`, `0.3`, `12.5`, `1,234`.
pub(super) fn per_second(rate: f64) -> String {
    match rate {
        ..0.05 => "0".to_owned(),
        ..100.0 => format!("{rate:.1}"),
        _ => counted(rate.round() as u64),
    }
}

/// `850 µs`, `3.1 ms`, `2.4 s`, `1m 12s`.
pub(super) fn lasting(seconds: f64) -> String {
    match seconds {
        ..0.000_999_5 => format!("{:.0} µs", seconds * 1e6),
        ..0.009_995 => format!("{:.1} ms", seconds * 1e3),
        ..0.999_5 => format!("{:.0} ms", seconds * 1e3),
        ..59.95 => format!("{seconds:.1} s"),
        _ => long(seconds),
    }
}

/// `59s`, `12m 3s`, `3h 12m`, `5d 3h`.
pub(super) fn long(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    let (minutes, hours, days) = (whole / 60, whole / 3600, whole / 86400);
    match whole {
        0..60 => format!("{whole}s"),
        60..3600 => format!("{minutes}m {}s", whole % 60),
        3600..86400 => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

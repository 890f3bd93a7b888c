//! What was found, and how it is told.

use serde::Serialize;

use crate::{cli::check::table, mcp::message, observe::one_line};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// It works, and may not always.
    Warning,
    /// Something does not work.
    Problem,
}

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Finding {
    level: Level,
    about: &'static str,
    words: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

/// All that was found.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    findings: Vec<Finding>,
}

impl Finding {
    pub(super) fn good(about: &'static str, words: impl Into<String>) -> Self {
        Self::of(Level::Ok, about, words, None)
    }

    pub(super) fn warning(
        about: &'static str,
        words: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self::of(Level::Warning, about, words, Some(fix.into()))
    }

    pub(super) fn problem(
        about: &'static str,
        words: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self::of(Level::Problem, about, words, Some(fix.into()))
    }

    /// A door that stands open; the words say what ends it.
    pub(super) fn open(words: impl Into<String>) -> Self {
        Self::of(Level::Warning, "open", words, None)
    }

    fn of(
        level: Level,
        about: &'static str,
        words: impl Into<String>,
        fix: Option<String>,
    ) -> Self {
        Self {
            level,
            about,
            // A server may have written some of it.
            words: one_line(&words.into()),
            fix,
        }
    }
}

impl Report {
    pub(super) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    pub(super) fn has(&self, level: Level) -> bool {
        self.findings.iter().any(|finding| finding.level == level)
    }

    pub(super) fn json(&self) -> String {
        message::json(self)
    }

    /// A line for each, and how many there are of what needs somebody.
    pub(super) fn text(&self) -> String {
        let rows = self.findings.iter().map(|finding| {
            let level = match finding.level {
                Level::Ok => "ok",
                Level::Warning => "warning",
                Level::Problem => "PROBLEM",
            };
            let mut words = finding.words.clone();
            if let Some(fix) = &finding.fix {
                words = format!("{words} → {fix}");
            }
            vec![level.to_owned(), finding.about.to_owned(), words]
        });
        let rows: Vec<Vec<String>> = rows.collect();
        let count = |level| {
            let same = self
                .findings
                .iter()
                .filter(|finding| finding.level == level);
            same.count()
        };
        let (problems, warnings) = (count(Level::Problem), count(Level::Warning));
        let sum = match (problems, warnings) {
            (0, 0) => "Nothing to mend.".to_owned(),
            _ => format!(
                "{}, {}",
                super::plural(problems, "problem"),
                super::plural(warnings, "warning")
            ),
        };
        format!("{}\n\n{sum}", table(&rows))
    }
}

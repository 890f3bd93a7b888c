//! The book: every command in it runs, every link leads somewhere, and what is told of settings,
//! commands and refusals is what the code says.
//!
//! A block of `sh` is run, one of `console` is run and its output compared (`…` is any text); the
//! blocks of a page share one shell, in a home of its own. What a comment right before a block says
//! to this is in `markdown.rs`.

mod commands;
mod defaults;
mod examples;
mod expected;
mod links;
mod markdown;
mod paths;
mod refusals;
mod samples;
mod settings;
mod snippets;
mod walk;

use std::{collections::BTreeSet, fmt::Write as _, fs};

use markdown::{Note, Page, here, pages};
use walk::World;

/// Compares a page with what the code says, or writes it.
fn generated(path: &str, text: &str) {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(here(path), text).unwrap();
    }
    let there = fs::read_to_string(here(path)).unwrap_or_default();
    let differing = there
        .lines()
        .zip(text.lines())
        .find(|(old, new)| old != new);
    assert!(
        there == text,
        "{path} is not what the code says; `UPDATE_DOCS=1 cargo test docs` writes it.\n{differing:#?}"
    );
}

/// The pages with commands in them, each with a test of its own, so that they run side by side.
macro_rules! walked {
    ($($name:ident: $path:literal,)*) => {
        $(#[test]
        fn $name() {
            World::new().walk(&Page::read($path), "checkout", "");
        })*
        const WALKED: &[&str] = &[$($path),*];
    };
}

walked! {
    what_is_said_of_endpoints_works: "docs/ENDPOINTS.md",
    what_troubleshooting_says_works: "docs/TROUBLESHOOTING.md",
    what_the_page_of_metrics_says_works: "docs/METRICS.md",
    what_the_example_behind_nginx_says_works: "examples/behind-nginx/README.md",
    what_the_security_page_says_works: "docs/SECURITY.md",
    what_the_page_on_tls_says_works: "docs/TLS.md",
    what_upgrading_says_works: "docs/UPGRADING.md",
    what_the_example_for_desktops_says_works: "examples/desktop/README.md",
    what_the_example_for_librechat_says_works: "examples/librechat/README.md",
    what_the_example_for_teams_says_works: "examples/team-lan/README.md",
}

#[test]
fn every_page_with_commands_is_walked() {
    let walked: BTreeSet<_> = WALKED.iter().chain(paths::WALKED).copied().collect();
    for path in pages(&["README.md", "docs", "examples", "deploy"]) {
        let blocks = Page::read(&path).blocks();
        let runs = blocks.iter().any(|block| {
            (block.is_shell() || block.is_console()) && !matches!(block.note, Note::NotRun(_))
        });
        assert!(
            !runs || walked.contains(path.as_str()),
            "nothing runs the commands of {path}"
        );
    }
}

#[test]
fn what_is_not_run_is_known() {
    let mut list = String::from("What stands in the book and is not run, and why.\n");
    for path in pages(&["README.md", "docs", "examples", "deploy"]) {
        for block in Page::read(&path).blocks() {
            if let Note::NotRun(why) = &block.note {
                let first = block.text.lines().next().unwrap_or_default();
                write!(list, "\n{path}: {why}\n    {first}\n").unwrap();
            }
        }
    }
    generated("tests/gateway/docs/not_run.txt", &list);
}

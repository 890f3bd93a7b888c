//! One look as text, for pipes and for mail.

use super::{
    cells::{Sheet, counted, lasting, long, per_second},
    sheets::View,
    window::Window,
};
use crate::cli::check::table;

/// All that there is to see, with what was counted since the start.
pub(super) fn whole(window: &Window) -> String {
    let mut parts = vec![summary(window)];
    for view in View::ALL {
        let sheet = view.sheet(window);
        if !sheet.rows.is_empty() {
            parts.push(written(&sheet));
        }
    }
    parts.join("\n\n")
}

/// The gateway as a whole, in a line.
pub(super) fn summary(window: &Window) -> String {
    let Some(page) = window.now() else {
        return "mcpgate".to_owned();
    };
    let calls = window.rate(page.total_requests, |page| Some(page.total_requests));
    let rate = calls
        .per_second
        .map(|rate| format!(" ({}/s)", per_second(rate)));
    let mut parts = vec![
        format!("mcpgate {}", page.version),
        format!("up {}", long(page.uptime_seconds)),
        many(calls.count, "request") + &rate.unwrap_or_default(),
        format!("{} failed", counted(page.failed_requests)),
    ];
    parts.extend(
        page.avg_response_time
            .map(|time| format!("{} on average", lasting(time))),
    );
    parts.push(format!("{} in flight", counted(page.requests_in_flight)));
    parts.push(many(page.active_sessions as u64, "session"));
    parts.push(many(page.active_connections, "connection"));
    parts.join(" · ")
}

fn many(count: u64, one: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ => format!("{} {one}s", counted(count)),
    }
}

/// A table without the columns of which nothing is known.
fn written(sheet: &Sheet) -> String {
    let known: Vec<usize> = (0..sheet.head.len())
        .filter(|column| {
            let cells = sheet.rows.iter().filter_map(|row| row.get(*column));
            cells.clone().any(|cell| cell.text != "-")
        })
        .collect();
    let chosen = |row: &[String]| -> Vec<String> {
        known
            .iter()
            .filter_map(|column| row.get(*column).cloned())
            .collect()
    };
    let head: Vec<String> = sheet.head.iter().map(|title| (*title).to_owned()).collect();
    let mut rows = vec![chosen(&head)];
    for row in &sheet.rows {
        let cells: Vec<String> = row.iter().map(|cell| cell.text.clone()).collect();
        rows.push(chosen(&cells));
    }
    table(&rows)
}

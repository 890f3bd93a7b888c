//! What keys do.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::sheets::View;

/// How somebody looks at it.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// Which view, in their order.
    view: usize,
    /// What each is sorted by: a column, and whether the other way round.
    sorts: [Option<(usize, bool)>; View::ALL.len()],
    /// Rows that are above the screen.
    pub(super) above: usize,
    /// Nothing new is shown.
    pub(super) paused: bool,
    /// The keys are shown.
    pub(super) help: bool,
}

/// All keys, for who asks.
pub(super) const HELP: [(&str, &str); 9] = [
    ("q, Esc, Ctrl-C", "quit"),
    ("Tab, → and ←", "the next view, and the one before"),
    ("1 to 7", "that view"),
    (
        "↑ ↓ PgUp PgDn",
        "scroll; Home and End: to the first and the last",
    ),
    ("s", "sort by the next column, or not at all"),
    ("r", "the other way round"),
    ("p, space", "pause, and go on"),
    ("?, h", "this help; any key closes it"),
    (
        "",
        "rates and percentiles are those of the last ten looks; FAILED are errors and refusals",
    ),
];

impl Look {
    /// The view that is looked at.
    pub(super) fn view(&self) -> View {
        View::ALL.get(self.view).copied().unwrap_or(View::Servers)
    }

    /// What it is sorted by.
    pub(super) fn sort(&self) -> Option<(usize, bool)> {
        self.sorts.get(self.view).copied().flatten()
    }

    /// Does what a key means, on a screen that shows so many rows of so many columns; whether that is
    /// to quit.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "no other key means anything"
    )]
    pub(super) fn press(&mut self, key: KeyEvent, rows: usize, columns: usize) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if control && key.code == KeyCode::Char('c') {
            return true;
        }
        if std::mem::take(&mut self.help) {
            return key.code == KeyCode::Char('q');
        }
        let all = View::ALL.len();
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return true,
            KeyCode::Tab | KeyCode::Right => self.turn((self.view + 1) % all),
            KeyCode::BackTab | KeyCode::Left => self.turn((self.view + all - 1) % all),
            KeyCode::Char(digit @ '1'..='7') => self.turn(digit as usize - '1' as usize),
            KeyCode::Up => self.above = self.above.saturating_sub(1),
            KeyCode::Down => self.above += 1,
            KeyCode::PageUp => self.above = self.above.saturating_sub(rows.max(1)),
            KeyCode::PageDown => self.above += rows.max(1),
            KeyCode::Home => self.above = 0,
            KeyCode::End => self.above = usize::MAX / 2,
            KeyCode::Char('s') => self.sort_by(|sort| match sort {
                None => Some((0, false)),
                Some((column, _)) if column + 1 < columns => Some((column + 1, false)),
                Some(_) => None,
            }),
            KeyCode::Char('r') => self.sort_by(|sort| {
                let (column, reversed) = sort.unwrap_or((0, false));
                Some((column, !reversed))
            }),
            KeyCode::Char('p' | ' ') => self.paused = !self.paused,
            KeyCode::Char('?' | 'h') => self.help = true,
            _ => {}
        }
        false
    }

    fn turn(&mut self, view: usize) {
        (self.view, self.above) = (view, 0);
    }

    fn sort_by(&mut self, next: impl Fn(Option<(usize, bool)>) -> Option<(usize, bool)>) {
        if let Some(sort) = self.sorts.get_mut(self.view) {
            *sort = next(*sort);
        }
    }
}

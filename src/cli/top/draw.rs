//! How it looks.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style, Stylize},
    text::{Line, Span},
    widgets::{Block, Clear, Paragraph},
};

use super::{
    cells::{Cell, Sheet, Tone},
    keys::{HELP, Look},
    sheets::View,
    text::summary,
    window::Window,
};

/// A text column gives way down to this many characters.
const NARROWEST: usize = 12;
/// Between two columns.
const GAP: usize = 2;

/// What is shown beside the numbers.
pub(super) struct Around<'a> {
    pub(super) look: &'a Look,
    /// Why there is nothing new.
    pub(super) trouble: Option<&'a str>,
}

/// Draws it; gives how many rows there is room for.
pub(super) fn draw(frame: &mut Frame<'_>, window: &Window, around: &Around<'_>) -> usize {
    let parts = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
    ]);
    let [top, tabs, body, foot] = parts.areas(frame.area());
    let look = around.look;
    let stale = around.trouble.is_some();
    let head = Line::from(summary(window)).bold();
    frame.render_widget(head, top);
    frame.render_widget(views(look), tabs);
    let mut sheet = look.view().sheet(window);
    if let Some((column, reversed)) = look.sort() {
        sheet = sheet.sorted(column, reversed);
    }
    let room = usize::from(body.height.saturating_sub(1));
    let lines = lines(&sheet, look, usize::from(body.width), room);
    let sheet = Paragraph::new(lines);
    let sheet = if stale { sheet.dim() } else { sheet };
    frame.render_widget(sheet, body);
    frame.render_widget(footer(around), foot);
    if look.help {
        help(frame);
    }
    room
}

fn views(look: &Look) -> Line<'static> {
    let names = View::ALL.into_iter().map(|view| {
        let name = format!(" {} ", view.title());
        match view == look.view() {
            true => Span::from(name).reversed(),
            false => Span::from(name),
        }
    });
    names.collect()
}

fn footer(around: &Around<'_>) -> Line<'static> {
    if let Some(trouble) = around.trouble {
        return Line::from(format!("{trouble} · trying again")).red().bold();
    }
    match around.look.paused {
        true => Line::from("paused · p goes on · q quits").yellow(),
        false => Line::from("q quits · tab next view · s sorts · p pauses · ? keys").dim(),
    }
}

fn lines(sheet: &Sheet, look: &Look, width: usize, room: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let widths = fitting(sheet, width);
    let sorted = look.sort();
    let titles = sheet
        .head
        .iter()
        .enumerate()
        .map(|(column, title)| match sorted {
            Some((by, true)) if by == column => format!("{title}▲"),
            Some((by, false)) if by == column => format!("{title}▼"),
            _ => (*title).to_owned(),
        });
    let titles = titles.map(|title| (title, Style::new().add_modifier(Modifier::BOLD)));
    lines.push(line(titles, sheet, &widths));
    if sheet.rows.is_empty() {
        lines.push(Line::from(sheet.empty).dim());
    }
    // Who has scrolled beyond the end sees the end.
    let above = look.above.min(sheet.rows.len().saturating_sub(room));
    for row in sheet.rows.iter().skip(above).take(room) {
        let cells = row.iter().map(|cell| (cell.text.clone(), style(cell)));
        lines.push(line(cells, sheet, &widths));
    }
    lines
}

fn line(
    cells: impl Iterator<Item = (String, Style)>,
    sheet: &Sheet,
    widths: &[usize],
) -> Line<'static> {
    let mut spans = Vec::new();
    for (column, ((text, style), width)) in cells.zip(widths).enumerate() {
        let text = cut(&text, *width);
        let text = match is_number(sheet, column) {
            true => format!("{text:>width$}"),
            false => format!("{text:<width$}"),
        };
        spans.push(Span::styled(text, style));
        spans.push(Span::from(" ".repeat(GAP)));
    }
    Line::from(spans)
}

/// How wide each column is: text gives way first, then the columns on the right go.
fn fitting(sheet: &Sheet, width: usize) -> Vec<usize> {
    let widest = |column: usize, title: &str| {
        let cells = sheet.rows.iter().filter_map(|row| row.get(column));
        let cells = cells.map(|cell| cell.text.chars().count()).max();
        // One more for the arrow of a sorted column.
        cells.unwrap_or_default().max(title.chars().count() + 1)
    };
    let titles = sheet.head.iter().enumerate();
    let mut widths: Vec<usize> = titles
        .map(|(column, title)| widest(column, title))
        .collect();
    let total = |widths: &[usize]| widths.iter().map(|width| width + GAP).sum::<usize>();
    for column in (0..widths.len()).rev() {
        let excess = total(&widths).saturating_sub(width + GAP);
        let Some(own) = widths.get_mut(column).filter(|_| excess > 0) else {
            break;
        };
        if !is_number(sheet, column) {
            *own = own.saturating_sub(excess).max((*own).min(NARROWEST));
        }
    }
    while widths.len() > 1 && total(&widths) > width + GAP {
        widths.pop();
    }
    widths
}

/// Whether what stands in a column are numbers, which stand on its right.
fn is_number(sheet: &Sheet, column: usize) -> bool {
    let mut cells = sheet.rows.iter().filter_map(|row| row.get(column));
    cells.any(|cell| cell.weight.is_some())
}

fn cut(text: &str, width: usize) -> String {
    match text.chars().count() > width {
        true => text
            .chars()
            .take(width.saturating_sub(1))
            .chain(['…'])
            .collect(),
        false => text.to_owned(),
    }
}

fn style(cell: &Cell) -> Style {
    match cell.tone {
        Tone::Plain => Style::new(),
        Tone::Good => Style::new().fg(Color::Green),
        Tone::Bad => Style::new().fg(Color::Red),
        Tone::Odd => Style::new().fg(Color::Yellow),
        Tone::Faint => Style::new().add_modifier(Modifier::DIM),
    }
}

fn help(frame: &mut Frame<'_>) {
    let rows = HELP.iter().map(|(keys, words)| match keys.is_empty() {
        true => Line::from(*words).dim(),
        false => Line::from(format!("{keys:<16}{words}")),
    });
    let rows: Vec<Line<'_>> = rows.collect();
    let widest = rows.iter().map(Line::width).max().unwrap_or_default();
    let whole = frame.area();
    let size = |wanted: usize, most: u16| u16::try_from(wanted).unwrap_or(most).min(most);
    let (width, height) = (
        size(widest + 2, whole.width),
        size(rows.len() + 2, whole.height),
    );
    let area = Rect {
        x: whole.x + (whole.width - width) / 2,
        y: whole.y + (whole.height - height) / 2,
        width,
        height,
    };
    frame.render_widget(Clear, area);
    frame.render_widget(
        Paragraph::new(rows).block(Block::bordered().title(" Keys ")),
        area,
    );
}

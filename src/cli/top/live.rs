//! The screen: taken, drawn anew whenever something changes, and given back whatever happens.

use std::{io, process::ExitCode, thread, time::Duration};

use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event, KeyEventKind},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval_at},
};

use super::{
    draw::{Around, draw},
    keys::Look,
    page,
    source::Source,
    window::Window,
};
use crate::cli::CliError;

/// Key strokes that may wait.
const STROKES: usize = 64;

/// The terminal, which is as it was when this goes: on a panic, too, as its hook is set.
struct Screen(DefaultTerminal);

impl Screen {
    fn take() -> io::Result<Self> {
        ratatui::try_init().map(Self)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // There is nowhere to say it.
        drop(self.0.show_cursor());
        drop(ratatui::try_restore());
    }
}

/// Shows it until somebody quits, or the process is told to end.
pub(super) async fn run(
    source: Source,
    mut window: Window,
    every: Duration,
) -> Result<ExitCode, CliError> {
    let mut screen = Screen::take()?;
    let mut strokes = strokes();
    let (mut term, mut hangup) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::hangup())?,
    );
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut looks = interval_at(Instant::now() + every, every);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut look, mut trouble) = (Look::default(), None::<String>);
    loop {
        let mut room = 0;
        let around = Around {
            look: &look,
            trouble: trouble.as_deref(),
        };
        screen
            .0
            .draw(|frame| room = draw(frame, &window, &around))?;
        tokio::select! {
            stroke = strokes.recv() => {
                let columns = look.view().sheet(&window).head.len();
                match stroke {
                    Some(Event::Key(key)) if key.kind != KeyEventKind::Release => {
                        if look.press(key, room, columns) {
                            return Ok(ExitCode::SUCCESS);
                        }
                    }
                    // It has another size, which is looked up when it is drawn.
                    Some(_) => {}
                    None => return Ok(ExitCode::SUCCESS),
                }
            }
            _ = looks.tick() => trouble = renew(&source, &mut window, look.paused).await,
            _ = term.recv() => return Ok(ExitCode::SUCCESS),
            _ = hangup.recv() => return Ok(ExitCode::SUCCESS),
            _ = interrupt.recv() => return Ok(ExitCode::SUCCESS),
        }
    }
}

/// Looks again; gives why it is not to be had.
async fn renew(source: &Source, window: &mut Window, paused: bool) -> Option<String> {
    let said = source.ask().await.and_then(|said| page::read(&said));
    match said {
        Ok(page) if !paused => {
            window.push(page);
            None
        }
        Ok(_) => None,
        Err(error) => Some(error.to_string()),
    }
}

/// What is typed, read by a thread of its own: to read a terminal is to wait for it.
fn strokes() -> mpsc::Receiver<Event> {
    let (sender, strokes) = mpsc::channel(STROKES);
    thread::spawn(move || {
        while let Ok(event) = event::read() {
            if sender.blocking_send(event).is_err() {
                return;
            }
        }
    });
    strokes
}

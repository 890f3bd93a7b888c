//! What sessions want to hear of, in a file of `[gateway] state_dir`: after a restart, those that
//! come back hear of it again.
//!
//! Several gateways may share the folder. Each replaces only what it has written itself.

mod book;
mod written;

use std::{path::Path, sync::Arc, time::Duration};

use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{pipeline::Pipeline, session::Wishes};
use book::Book;
use written::MOST;

/// What changes within this time is written at once.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the last writing may take.
const LAST: Duration = Duration::from_secs(5);

/// The task that keeps it.
pub(super) struct Keeping {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Keeping {
    /// Writes down what is wanted now, and nothing more after that.
    pub(super) async fn end(self) {
        self.stop.cancel();
        if timeout(LAST, self.task).await.is_err() {
            tracing::warn!("what sessions want to hear of could not be written in time");
        }
    }
}

/// Reads what was kept, and keeps what is wanted from now on.
pub(super) fn keep(pipeline: &Arc<Pipeline>, folder: &Path) -> Keeping {
    let book = Book::within(folder);
    match book.read() {
        Ok(written) => pipeline.sessions.wanted_before(written.wishes()),
        Err(error) => tracing::warn!(
            "{}: {error}: sessions have to subscribe again ([gateway] state_dir)",
            book.path.display()
        ),
    }
    let stop = CancellationToken::new();
    let task = tokio::spawn(follow(book, pipeline.clone(), stop.clone()));
    Keeping { stop, task }
}

async fn follow(mut book: Book, pipeline: Arc<Pipeline>, stop: CancellationToken) {
    let (sessions, mut before) = (&pipeline.sessions, Wishes::default());
    loop {
        stop.run_until_cancelled(sessions.wishes_change()).await;
        stop.run_until_cancelled(sleep(PAUSE)).await;
        let is_last = stop.is_cancelled();
        let wishes = sessions.wishes(MOST);
        if wishes.now != before.now || !wishes.taken.is_empty() {
            before.now.clone_from(&wishes.now);
            let write = move || {
                book.keep(wishes);
                book
            };
            match spawn_blocking(write).await {
                Ok(written) => book = written,
                Err(error) => {
                    return tracing::error!(
                        "what sessions want to hear of is kept no longer: {error}"
                    );
                }
            }
        }
        if is_last {
            return;
        }
    }
}

//! Reads the files again when one of them changes.
//!
//! Folders are watched rather than files: editors put a new file in the place of the old one, and
//! Kubernetes moves a link (`..data`) that stands in front of all of them.

use std::{sync::Arc, time::Duration};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher, event};
use tokio::{
    sync::Notify,
    task::spawn_blocking,
    time::{Instant, sleep, timeout_at},
};

use super::{places::Places, reload::Reloader};

/// How long nothing has to happen before the files are read: whoever writes one may write more.
const QUIET: Duration = Duration::from_millis(300);
/// How long that is waited for.
const LONGEST: Duration = Duration::from_secs(3);
/// When it is tried again where the system lets nobody watch.
const AGAIN: Duration = Duration::from_secs(60);

/// Folders that are watched.
struct Watch {
    places: Places,
    changed: Arc<Notify>,
    /// It ends with this.
    _watcher: RecommendedWatcher,
}

/// Follows the files, for ever.
pub(super) async fn follow(reloader: &Reloader) {
    let mut told = false;
    loop {
        match watch(reloader).await {
            Ok(Some(watch)) => {
                told = false;
                // What has changed before it was watched, or with what has just been told.
                reloader.reload_if_changed().await;
                // Another file may be named now.
                if places(reloader).await.as_ref() == Some(&watch.places) {
                    watch.settled().await;
                }
            }
            Ok(None) => return,
            Err(error) => {
                if !told {
                    tracing::warn!("the files are not watched, SIGHUP reads them: {error}");
                    told = true;
                }
                sleep(AGAIN).await;
            }
        }
    }
}

async fn places(reloader: &Reloader) -> Option<Places> {
    let (paths, files) = reloader.files().await?;
    spawn_blocking(move || Places::of(&paths, &files))
        .await
        .ok()
}

async fn watch(reloader: &Reloader) -> notify::Result<Option<Watch>> {
    let Some(places) = places(reloader).await else {
        return Ok(None);
    };
    let started = spawn_blocking(move || Watch::start(places)).await;
    let started = started.map_err(|error| notify::Error::generic(&error.to_string()));
    started?.map(Some)
}

impl Watch {
    fn start(places: Places) -> notify::Result<Self> {
        let changed = Arc::new(Notify::new());
        let (concerned, tell) = (places.clone(), changed.clone());
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // An error may be a change that was missed.
            if event.is_ok_and(|event| !concerns(&concerned, &event)) {
                return;
            }
            tell.notify_one();
        })?;
        for folder in places.folders() {
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
        }
        Ok(Self {
            places,
            changed,
            _watcher: watcher,
        })
    }

    /// Waits for a change, and until no other follows.
    async fn settled(&self) {
        self.changed.notified().await;
        let latest = Instant::now() + LONGEST;
        while Instant::now() < latest {
            let quiet = latest.min(Instant::now() + QUIET);
            if timeout_at(quiet, self.changed.notified()).await.is_err() {
                return;
            }
        }
    }
}

fn concerns(places: &Places, event: &Event) -> bool {
    let wrote = event::AccessKind::Close(event::AccessMode::Write);
    // We are among those who read them.
    if matches!(event.kind, EventKind::Access(kind) if kind != wrote) {
        return false;
    }
    event.need_rescan() || event.paths.iter().any(|path| places.have(path))
}

//! A stdio server: the child and its pipes.

use std::{process::ExitStatus, sync::Arc, time::Duration};

use process_wrap::tokio::ChildWrapper;
use tokio::{
    io::AsyncWriteExt,
    process::{ChildStdin, ChildStdout},
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    ServerConfig, child, command,
    environment::Environment,
    guarded::Guarded,
    headers::Extra,
    outlet::Outlet,
    peer::{Outgoing, Peer, Whose},
    unstarted,
};
use crate::{
    launch,
    mcp::{Lines, message},
};

/// How many lines of stderr an error carries.
const TAIL: usize = 5;

/// What runs beside the calls, one task for each pipe.
struct Pipes {
    read: JoinHandle<std::io::Result<()>>,
    write: JoinHandle<()>,
    follow: JoinHandle<()>,
    tail: Arc<child::Tail>,
    guarded: Option<Guarded>,
}

/// Launches the command and starts to listen.
///
/// # Errors
/// When the command cannot be started.
pub(super) fn launch(
    outlet: &Outlet,
    (config, over): (&ServerConfig, &Environment),
    max_message: usize,
    whose: Whose,
    tasks: &TaskTracker,
) -> std::io::Result<Arc<Peer>> {
    let process = child::launch(config, over)?;
    let server = outlet.server.clone();
    tracing::debug!(%server, pid = process.child.id(), "launched");
    let (peer, queue) = Peer::new(outlet.clone(), whose, Extra::default());
    let tail = Arc::new(child::Tail::new(&outlet.journal));
    let (follower, stderr) = (tail.clone(), process.stderr);
    let pipes = Pipes {
        read: tokio::spawn(read(peer.clone(), Lines::new(process.stdout, max_message))),
        write: tokio::spawn(write(process.stdin, queue, peer.stop.clone())),
        follow: tokio::spawn(async move { follower.follow(&server, stderr).await }),
        tail,
        guarded: process.guarded,
    };
    tasks.spawn(keep(peer.clone(), (process.child, config.clone()), pipes));
    Ok(peer)
}

async fn read(peer: Arc<Peer>, mut lines: Lines<ChildStdout>) -> std::io::Result<()> {
    while let Some(line) = lines.next().await? {
        peer.take(&line);
        if !lines.has_next() {
            peer.abroad.hand_over();
        }
    }
    Ok(())
}

/// Owns the process: waits until it ends or is to end, and sees to it that it does.
async fn keep(
    peer: Arc<Peer>,
    (mut process, config): (Box<dyn ChildWrapper>, ServerConfig),
    mut pipes: Pipes,
) {
    let moment = Duration::from_millis(200);
    let (mut reason, mut status) = ("it closed its output".to_owned(), None);
    tokio::select! {
        biased;
        read = &mut pipes.read => match read {
            Ok(Ok(())) => status = soon(moment, process.wait()).await,
            Ok(Err(error)) => reason = error.to_string(),
            Err(error) => reason = error.to_string(),
        },
        () = peer.stop.cancelled() => reason = "the gateway stopped it".to_owned(),
        _ = &mut pipes.write => {
            reason = "it closed its input".to_owned();
            status = soon(moment, process.wait()).await;
        }
        // Its own children may live on and hold its pipes: they are not the server.
        ended = process.wait() => {
            status = ended.ok();
            drop(timeout(moment, &mut pipes.read).await); // its last answers
        }
    }
    if let Some(status) = status {
        // What it wrote last arrives with its death: a moment's wait names the cause.
        drop(timeout(moment, &mut pipes.follow).await);
        reason = command::ended(&config, status);
        let last = pipes.tail.last(1);
        if let Some(error) = launch::failure(status, last.first().map(String::as_str)) {
            let why = unstarted::because(&config, error);
            peer.life.never(format!("it cannot be started: {why}"));
        }
    }
    peer.end(reason, pipes.tail.last(TAIL));
    child::stop(process.as_mut(), config.stop_timeout()).await;
    if let Some(guarded) = pipes.guarded {
        guarded.over();
    }
    pipes.read.abort();
    pipes.follow.abort();
    peer.life.set_gone();
}

/// How it ended, if it does within that time.
async fn soon(
    moment: Duration,
    end: impl Future<Output = std::io::Result<ExitStatus>>,
) -> Option<ExitStatus> {
    timeout(moment, end).await.ok().and_then(Result::ok)
}

/// Feeds the child's stdin, as many messages at once as are there, until it is to stop.
async fn write(
    mut stdin: ChildStdin,
    mut queue: mpsc::Receiver<Outgoing>,
    stop: CancellationToken,
) {
    let mut batch = Vec::new();
    let mut joined = Vec::new();
    loop {
        let count = tokio::select! {
            count = queue.recv_many(&mut batch, 64) => count,
            () = stop.cancelled() => 0,
        };
        if count == 0 {
            return;
        }
        for outgoing in batch.drain(..) {
            // A client's line break would end the line, and begin a message of its own making.
            joined.extend_from_slice(&message::one_line(outgoing.message));
            joined.push(b'\n');
        }
        let written = tokio::select! {
            written = stdin.write_all(&joined) => written,
            () = stop.cancelled() => return,
        };
        if written.is_err() {
            return; // the reader learns of the end, and why
        }
        joined.clear();
        joined.shrink_to(64 * 1024);
    }
}

//! The input of a child.

use bytes::Bytes;
use tokio::{io::AsyncWriteExt, process::ChildStdin, sync::mpsc};
use tokio_util::sync::CancellationToken;

/// Messages that may wait for the child to read.
pub(super) const QUEUE: usize = 256;

/// Feeds the child's stdin, as many messages at once as are there, until it is to stop.
pub(super) async fn write(
    mut stdin: ChildStdin,
    mut queue: mpsc::Receiver<Bytes>,
    stop: CancellationToken,
) {
    let mut batch = Vec::with_capacity(QUEUE);
    let mut joined = Vec::new();
    loop {
        let count = tokio::select! {
            count = queue.recv_many(&mut batch, QUEUE) => count,
            () = stop.cancelled() => 0,
        };
        if count == 0 {
            return;
        }
        for message in batch.drain(..) {
            joined.extend_from_slice(&message);
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

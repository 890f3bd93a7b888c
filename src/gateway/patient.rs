//! A connection whose client has so long to take a piece of what it is sent. A client that reads
//! nothing any more would keep its call, its room under limits and its memory for as long as it likes.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use crate::wait::Wait;

/// Up to so many bytes, a head and its body are put together: the kernel takes one piece for less
/// than several.
const TOGETHER: usize = 1024;

/// What a client has to take in a second that is waited for, in bytes: a few of them now and then
/// are progress, and would keep an answer for days.
const LEAST: u64 = 240;
/// Over how much waiting that is judged: so many times the patience for a single wait.
const WINDOW: u32 = 4;

/// Breaks off when nothing could be written for so long, or next to nothing for longer. There is no
/// timer as long as all can be.
pub(super) struct Patient<S> {
    stream: S,
    patience: Duration,
    /// Boxed: most clients never are.
    behind: Option<Box<Behind>>,
}

/// A client that is waited for, or was a moment ago.
struct Behind {
    end: Option<Wait>,
    /// Since when it is waited for, or is not.
    since: Instant,
    /// In all, and what it has taken since the first wait.
    waited: Duration,
    taken: u64,
}

impl Behind {
    fn new() -> Self {
        Self {
            end: None,
            since: Instant::now(),
            waited: Duration::ZERO,
            taken: 0,
        }
    }

    /// The client has taken so much. Nothing as long as it cannot be said whether that is enough.
    fn took(&mut self, bytes: usize, patience: Duration) -> Option<Result<(), io::Error>> {
        if self.end.take().is_some() {
            self.waited += self.since.elapsed();
            self.since = Instant::now();
        }
        self.taken = self.taken.saturating_add(bytes as u64);
        if self.waited < patience.saturating_mul(WINDOW) {
            return None;
        }
        let words = "the client takes less than 240 bytes a second of what it is sent \
                     ([gateway] write_timeout)";
        Some(match self.taken / LEAST >= self.waited.as_secs() {
            true => Ok(()),
            false => Err(io::Error::new(io::ErrorKind::TimedOut, words)),
        })
    }
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, patience: Duration) -> Self {
        Self {
            stream,
            patience,
            behind: None,
        }
    }

    /// What has come of writing, and how many bytes that is.
    fn judged<T>(
        &mut self,
        cx: &mut Context<'_>,
        wrote: Poll<io::Result<T>>,
        bytes: impl FnOnce(&T) -> usize,
    ) -> Poll<io::Result<T>> {
        let Poll::Ready(result) = &wrote else {
            return self.wait(cx).map(Err);
        };
        let Some(behind) = &mut self.behind else {
            return wrote;
        };
        let bytes = result.as_ref().map_or(0, bytes);
        match behind.took(bytes, self.patience) {
            None => return wrote,
            Some(Ok(())) => self.behind = None,
            Some(Err(error)) => return Poll::Ready(Err(error)),
        }
        wrote
    }

    /// Waits for the client; why it is waited for no longer.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let patience = self.patience;
        let behind = self.behind.get_or_insert_with(|| Box::new(Behind::new()));
        // There was nothing to take in between: it had not been that far behind.
        if behind.end.is_none() && behind.since.elapsed() > patience {
            **behind = Behind::new();
        }
        let end = behind.end.get_or_insert_with(|| {
            behind.since = Instant::now();
            Wait::lasting(patience)
        });
        Pin::new(end).poll(cx).map(|()| {
            let words = "the client does not read what it is sent ([gateway] write_timeout)";
            io::Error::new(io::ErrorKind::TimedOut, words)
        })
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(cx, data);
        self.judged(cx, wrote, |bytes| *bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut room = [0; TOGETHER];
        let wrote = match together(data, &mut room) {
            Some(data) => Pin::new(&mut self.stream).poll_write(cx, data),
            None => Pin::new(&mut self.stream).poll_write_vectored(cx, data),
        };
        self.judged(cx, wrote, |bytes| *bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        // Where nothing is held back, it says nothing of what has been taken.
        match flushed.is_ready() {
            true => flushed,
            false => self.judged(cx, flushed, |()| 0),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.judged(cx, shut, |()| 0)
    }
}

/// Several pieces as one, if they fit into the room.
fn together<'a>(data: &[IoSlice<'_>], room: &'a mut [u8]) -> Option<&'a [u8]> {
    let mut length = 0;
    for piece in data {
        let end = length + piece.len();
        room.get_mut(length..end)?.copy_from_slice(piece);
        length = end;
    }
    room.get(..length)
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
        time::sleep,
    };

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_for_so_long_is_cut_off() {
        let (ours, _theirs) = duplex(10);
        let mut stream = Patient::new(ours, PATIENCE);
        let begun = Instant::now();

        let error = stream.write_all(&[0; 11]).await.unwrap_err();

        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.to_string().contains("[gateway] write_timeout"));
        assert_eq!(begun.elapsed(), PATIENCE);
    }

    /// A client that takes so much at once, so many times, just before each pause is too long for
    /// it; what comes of what it is sent, and after how long.
    async fn sent_to(
        piece: usize,
        times: usize,
    ) -> (io::Result<()>, Duration, Patient<DuplexStream>) {
        let (ours, mut theirs) = duplex(piece);
        let mut stream = Patient::new(ours, PATIENCE);
        let reader = tokio::spawn(async move {
            let mut read = vec![0; piece];
            for _ in 0..times {
                sleep(PATIENCE - Duration::from_secs(1)).await;
                if theirs.read_exact(&mut read).await.is_err() {
                    break;
                }
            }
            theirs
        });
        let begun = Instant::now();
        let sent = stream.write_all(&vec![0; piece * times]).await;
        let elapsed = begun.elapsed();
        if sent.is_ok() {
            let _theirs = reader.await.unwrap();
            sleep(PATIENCE * 2).await;
            stream.write_all(&vec![0; piece]).await.unwrap();
        }
        (sent, elapsed, stream)
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_slowly_is_waited_for_and_a_pause_between_two_answers_is_none() {
        let (sent, _, stream) = sent_to(240 * 30, 40).await;
        assert!(sent.is_ok(), "{sent:?}");
        let waits = stream.behind.is_some_and(|behind| behind.end.is_some());
        assert!(!waits, "a timer is left");
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_next_to_nothing_is_cut_off_in_a_few_minutes() {
        let (sent, elapsed, _) = sent_to(10, 40).await;
        let error = sent.unwrap_err();
        assert!(error.to_string().contains("240 bytes a second"), "{error}");
        let longest = PATIENCE * (WINDOW + 1);
        assert!(
            (PATIENCE * WINDOW..=longest).contains(&elapsed),
            "{elapsed:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_is_waited_for_now_and_then_is_not_cut_off_for_being_quiet() {
        let (ours, mut theirs) = duplex(10);
        let mut stream = Patient::new(ours, PATIENCE);
        let reader = tokio::spawn(async move {
            let mut read = [0; 20];
            for _ in 0..200 {
                // It is a second late each time.
                sleep(Duration::from_secs(1)).await;
                theirs.read_exact(&mut read).await.unwrap();
                sleep(Duration::from_secs(600)).await;
            }
        });
        for _ in 0..200 {
            stream.write_all(&[0; 20]).await.unwrap();
            sleep(Duration::from_secs(601)).await;
        }
        reader.await.unwrap();
    }
}

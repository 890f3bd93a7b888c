//! A connection whose client has so long to take a piece of what it is sent. A client that reads
//! nothing any more would keep its call, its room under limits and its memory for as long as it likes.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::wait::Wait;

/// Up to so many bytes, a head and its body are put together: the kernel takes one piece for less
/// than several.
const TOGETHER: usize = 1024;

/// Breaks off when nothing could be written for so long. There is no timer as long as all can be.
pub(super) struct Patient<S> {
    stream: S,
    patience: Duration,
    end: Option<Wait>,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, patience: Duration) -> Self {
        Self {
            stream,
            patience,
            end: None,
        }
    }

    fn judged<T>(
        &mut self,
        cx: &mut Context<'_>,
        wrote: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if wrote.is_ready() {
            self.end = None;
            return wrote;
        }
        let patience = self.patience;
        let end = self.end.get_or_insert_with(|| Wait::lasting(patience));
        match Pin::new(end).poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                let words = "the client does not read what it is sent ([gateway] write_timeout)";
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, words)))
            }
        }
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
        self.judged(cx, wrote)
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
        self.judged(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        // Where nothing is held back, it says nothing of what has been taken.
        match flushed.is_ready() {
            true => flushed,
            false => self.judged(cx, flushed),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.judged(cx, shut)
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
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        time::{Instant, sleep},
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

    #[tokio::test(start_paused = true)]
    async fn who_reads_slowly_is_waited_for_and_a_pause_between_two_answers_is_none() {
        let (ours, mut theirs) = duplex(10);
        let mut stream = Patient::new(ours, PATIENCE);
        let reader = tokio::spawn(async move {
            let mut read = [0; 10];
            for _ in 0..10 {
                sleep(PATIENCE - Duration::from_secs(1)).await;
                theirs.read_exact(&mut read).await.unwrap();
            }
            theirs
        });
        stream.write_all(&[0; 100]).await.unwrap();
        assert!(stream.end.is_none(), "no timer is left");
        let _theirs = reader.await.unwrap();
        sleep(PATIENCE * 2).await;
        stream.write_all(&[0; 10]).await.unwrap();
    }
}

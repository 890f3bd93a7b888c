//! Taking leave of somebody who has been refused while they still send.
//!
//! What has come and nobody has read makes the kernel end a connection with a reset, and that takes
//! from the other end what it has not read yet: a client that first sends all of its body, or a proxy
//! in front, would see a broken connection where there was an answer. So the gateway says that it has
//! said its last, and throws away what still comes: for so long, and so much of it.

use std::{pin::pin, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

/// How long a client may go on to send.
const LONGEST: Duration = Duration::from_secs(30);
/// How long it may be silent meanwhile.
const SILENCE: Duration = Duration::from_secs(5);
/// How much of it is read.
const MOST: u64 = 256 * 1024 * 1024;
/// How much at once.
const PIECE: usize = 16 * 1024;

/// Says that nothing more follows, and reads until the client has heard it.
pub(super) async fn linger<S>(stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // However it ends, it is over.
    drop(timeout(LONGEST, until_closed(stream)).await);
}

async fn until_closed<S>(mut stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut rest = pin!(stream.take(MOST));
    let mut piece = vec![0; PIECE];
    while let Ok(Ok(1..)) = timeout(SILENCE, rest.read(&mut piece)).await {}
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{DuplexStream, duplex},
        time::{Instant, sleep},
    };

    use super::*;

    /// How long somebody is waited for who goes on like this.
    async fn waited<F: Future>(goes_on: impl FnOnce(DuplexStream) -> F) -> Duration {
        let (ours, theirs) = duplex(1 << 20);
        let begun = Instant::now();
        let waits = async {
            linger(ours).await;
            begun.elapsed()
        };
        tokio::join!(waits, goes_on(theirs)).0
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_heard_and_closes_is_not_waited_for_any_longer() {
        let closes = async |mut stream: DuplexStream| {
            stream.write_all(&[0; 3 << 20]).await.unwrap();
            assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
            sleep(Duration::from_secs(3)).await;
        };
        assert_eq!(waited(closes).await, Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn who_falls_silent_who_goes_on_for_ever_and_who_sends_too_much_is_cut_off() {
        let silent = async |stream: DuplexStream| {
            sleep(Duration::from_secs(60)).await;
            stream
        };
        assert_eq!(waited(silent).await, SILENCE);
        let drips = async |mut stream: DuplexStream| {
            while stream.write_all(b"a").await.is_ok() {
                sleep(Duration::from_secs(1)).await;
            }
        };
        assert_eq!(waited(drips).await, LONGEST);
        let floods = async |mut stream: DuplexStream| {
            let (much, mut sent) = (vec![0; 1 << 20], 0);
            while stream.write_all(&much).await.is_ok() {
                sent += much.len() as u64;
            }
            assert!((MOST..MOST + (3 << 20)).contains(&sent), "{sent}");
        };
        assert_eq!(waited(floods).await, Duration::ZERO);
    }
}

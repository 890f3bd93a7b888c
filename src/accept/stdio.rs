//! The same virtual server on a pipe, for clients that launch their servers.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::timeout,
};

use super::{begin, body::whole, initialize::initialize};
use crate::{
    call::Caller,
    forward::Lines,
    mcp::{Frame, Kind, Method, Part, frame, message},
    pipeline::Pipeline,
    refusal::Refusal,
    session::{Reader, Session},
};

/// Requests at once; the next one is read when one is done.
const AT_ONCE: usize = 1024;
/// How long requests may go on after the input has ended.
const FINISH: Duration = Duration::from_secs(10);
/// Messages that may wait for the client to read.
const QUEUE: usize = 1024;

/// Serves one client until its input ends. Requests that it has sent by then are finished, if
/// they do not take long.
///
/// # Errors
/// When reading or writing fails.
pub async fn serve<R, W>(
    pipeline: Arc<Pipeline>,
    input: R,
    output: W,
    max_message: usize,
) -> std::io::Result<()>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let (out, queue) = mpsc::channel(QUEUE);
    let mut writer = tokio::spawn(write(queue, output));
    let mut client = Client {
        pipeline,
        out,
        session: None,
        requests: JoinSet::new(),
        room: Arc::new(Semaphore::new(AT_ONCE)),
        max_message,
    };
    let served = tokio::select! {
        read = client.serve(Lines::new(input, max_message)) => Ok(read),
        // The client has gone without a word, and its calls are of no use.
        written = &mut writer => Err(written),
    };
    client.requests.shutdown().await;
    if let Some(session) = client.session.take() {
        client.pipeline.end(session.id());
    }
    drop(client);
    let (read, written) = match served {
        Ok(read) => (read, writer.await),
        Err(written) => (Ok(()), written),
    };
    read.and(written.map_err(std::io::Error::other)?)
}

struct Client {
    pipeline: Arc<Pipeline>,
    out: mpsc::Sender<Bytes>,
    session: Option<Arc<Session>>,
    requests: JoinSet<()>,
    room: Arc<Semaphore>,
    max_message: usize,
}

impl Client {
    async fn serve<R: AsyncRead + Unpin>(&mut self, lines: Lines<R>) -> std::io::Result<()> {
        let read = self.read(lines).await;
        if let Err(error) = &read {
            let words = crate::mcp::Malformed::Shape(error.to_string());
            self.say(Refusal::from(words).message(None)).await;
        }
        let finished = async { while self.requests.join_next().await.is_some() {} };
        if timeout(FINISH, finished).await.is_err() {
            tracing::info!("calls in flight are cut off");
        }
        read
    }

    async fn read<R: AsyncRead + Unpin>(&mut self, mut lines: Lines<R>) -> std::io::Result<()> {
        while let Some(line) = lines.next().await? {
            while self.requests.try_join_next().is_some() {}
            match self.take(&line).await {
                Ok(()) => {}
                Err(refusal) => self.say(refusal.message(None)).await,
            }
        }
        Ok(())
    }

    async fn take(&mut self, line: &Bytes) -> Result<(), Refusal> {
        let messages = frame::split(line)?;
        if frame::is_batch(line) {
            let batches = |session: &Arc<Session>| session.client.revision.has_batches();
            if !self.session.as_ref().is_some_and(batches) {
                let words = "the agreed revision has no batches".to_owned();
                return Err(crate::mcp::Malformed::Shape(words).into());
            }
        }
        for message in messages {
            match Frame::parse(message) {
                Ok(frame) => self.dispatch(frame).await,
                Err(error) => self.say(Refusal::from(error).message(None)).await,
            }
        }
        Ok(())
    }

    async fn dispatch(&mut self, frame: Frame) {
        match (frame.kind(), self.session.clone()) {
            (Kind::Request, None) => self.open(&frame).await,
            (Kind::Request, Some(session)) => self.request(&session, frame).await,
            (Kind::Notification | Kind::Response, Some(session)) => {
                self.pipeline.hear(&session, frame);
            }
            (Kind::Notification | Kind::Response, None) => {}
        }
    }

    /// The first request should be `initialize`; `ping` may come before it.
    async fn open(&mut self, frame: &Frame) {
        let id = frame.raw_bytes(Part::Id).unwrap_or_default();
        let opened = match frame.method() {
            Some(Method::Initialize) => initialize(&self.pipeline, Caller::Local, frame),
            Some(Method::Ping) => return self.say(message::result(&id, b"{}")).await,
            _ => Err(Refusal::SessionUnknown),
        };
        match opened {
            Ok((session, answer)) => {
                self.say(answer).await;
                tokio::spawn(pass_on(
                    Reader::open(session.clone(), None),
                    self.out.downgrade(),
                ));
                self.session = Some(session);
            }
            Err(refusal) => self.say(refusal.message(Some(&id))).await,
        }
    }

    async fn request(&mut self, session: &Arc<Session>, frame: Frame) {
        let Ok(permit) = self.room.clone().acquire_owned().await else {
            return;
        };
        let id = frame.raw_bytes(Part::Id).unwrap_or_default();
        let (mut call, exchange) = begin(&self.pipeline, session, frame);
        let (out, limit) = (self.out.clone(), self.max_message);
        self.requests.spawn(async move {
            let _permit = permit;
            let answer = loop {
                tokio::select! {
                    biased;
                    answer = &mut call => break answer,
                    message = exchange.next() => send(&out, message).await,
                }
            };
            while let Some(message) = exchange.take() {
                send(&out, message).await;
            }
            if let Some(message) = whole(answer.reply, &id, limit).await {
                send(&out, message).await;
            }
        });
    }

    async fn say(&self, message: Bytes) {
        send(&self.out, message).await;
    }
}

async fn send(out: &mpsc::Sender<Bytes>, message: Bytes) {
    // The writer ends when the client closes its end: then nobody is left to tell.
    drop(out.send(message::one_line(message)).await);
}

/// What belongs to no request.
async fn pass_on(mut reader: Reader, out: mpsc::WeakSender<Bytes>) {
    while let Some((_, message)) = reader.next().await {
        let Some(out) = out.upgrade() else { return };
        send(&out, message).await;
    }
}

async fn write<W: AsyncWrite + Unpin>(
    mut queue: mpsc::Receiver<Bytes>,
    mut output: W,
) -> std::io::Result<()> {
    let mut batch = Vec::new();
    let mut joined = Vec::new();
    while queue.recv_many(&mut batch, 64).await > 0 {
        for message in batch.drain(..) {
            joined.extend_from_slice(&message);
            joined.push(b'\n');
        }
        output.write_all(&joined).await?;
        output.flush().await?;
        joined.clear();
    }
    Ok(())
}

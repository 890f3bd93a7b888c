//! The same virtual server on a pipe, for clients that launch their servers.

use std::sync::Arc;

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    sync::mpsc,
};

use super::conversation::Conversation;
use crate::{
    call::Visit,
    mcp::{Lines, Malformed, message},
    pipeline::Pipeline,
    refusal::Refusal,
};

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
    let visit = Visit::local(pipeline.local_standing());
    let (conversation, queue) = Conversation::new(pipeline, &visit, max_message);
    let mut writer = tokio::spawn(write(queue, output));
    let lines = Lines::new(input, max_message);
    let served = tokio::select! {
        read = converse(&conversation, &visit, lines) => Ok(read),
        // The client has gone without a word, and its calls are of no use.
        written = &mut writer => Err(written),
    };
    conversation.end();
    drop(conversation);
    let (read, written) = match served {
        Ok(read) => (read, writer.await),
        Err(written) => (Ok(()), written),
    };
    read.and(written.map_err(std::io::Error::other)?)
}

async fn converse<R: AsyncRead + Unpin>(
    conversation: &Conversation,
    visit: &Visit,
    lines: Lines<R>,
) -> std::io::Result<()> {
    let read = read(conversation, visit, lines).await;
    if let Err(error) = &read {
        let words = Malformed::Shape(error.to_string());
        conversation.say(Refusal::from(words).message(None)).await;
    }
    conversation.finish().await;
    read
}

async fn read<R: AsyncRead + Unpin>(
    conversation: &Conversation,
    visit: &Visit,
    mut lines: Lines<R>,
) -> std::io::Result<()> {
    while let Some(line) = lines.next().await? {
        if let Err(refusal) = conversation.take(&line, visit).await {
            conversation.say(refusal.message(None)).await;
        }
    }
    Ok(())
}

async fn write<W: AsyncWrite + Unpin>(
    mut queue: mpsc::Receiver<Bytes>,
    mut output: W,
) -> std::io::Result<()> {
    let mut batch = Vec::new();
    let mut joined = Vec::new();
    while queue.recv_many(&mut batch, 64).await > 0 {
        for message in batch.drain(..) {
            joined.extend_from_slice(&message::one_line(message));
            joined.push(b'\n');
        }
        output.write_all(&joined).await?;
        output.flush().await?;
        joined.clear();
    }
    Ok(())
}

//! How a request is sent to a server, and what is sent a second time.

use std::{sync::atomic::Ordering, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method as Verb};
use tokio::time::sleep;

use super::{
    answer::Trouble,
    http1::{Failure, Request, Response},
    wire::{Wire, chain},
};
use crate::{
    call::{ServerName, Traced},
    refusal::Refusal,
    route::Routed,
};

/// What lies between a request that failed and its second try: a server that is just being started
/// anew is there by then.
const PAUSE: Duration = Duration::from_millis(100);

/// When a request that has failed on its way is sent again.
#[derive(Debug, Clone, Copy)]
pub(super) enum Again {
    /// If the server has seen nothing of it.
    Unseen,
    /// If it has not begun to answer, either.
    Unanswered,
    /// Not here: another replica carries it, also where this one has not begun to answer, if that
    /// is true.
    Elsewhere(bool),
}

/// How often a request may be sent, and who wants to know.
#[derive(Clone, Copy)]
pub(super) struct Try<'a> {
    again: Again,
    trace: Option<&'a Traced>,
}

impl From<Again> for Try<'_> {
    fn from(again: Again) -> Self {
        Self { again, trace: None }
    }
}

impl Try<'_> {
    /// Why a call has come to nothing. If the server says that there is nobody to serve it, and it
    /// has not been begun, or may be done twice, another replica carries it.
    pub(super) fn refusal(self, trouble: Trouble, server: &ServerName) -> Refusal {
        let moves = match self.again {
            Again::Elsewhere(repeatable) => {
                matches!(trouble, Trouble::Busy) || (repeatable && trouble.is_outage())
            }
            Again::Unseen | Again::Unanswered => false,
        };
        match moves {
            true => trouble.into_outage(server),
            false => trouble.into_refusal(server),
        }
    }
}

impl Wire {
    /// When a call is sent again.
    pub(super) fn again<'a>(&self, routed: &'a Routed) -> Try<'a> {
        let again = match (self.outlet.has_others, routed.is_repeatable()) {
            (true, repeatable) => Again::Elsewhere(repeatable),
            (false, true) => Again::Unanswered,
            (false, false) => Again::Unseen,
        };
        let trace = routed.trace();
        Try { again, trace }
    }

    /// Sends one request.
    ///
    /// # Errors
    /// When the server cannot be reached, or closes the connection instead of answering.
    pub(super) async fn send(
        &self,
        verb: Verb,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Response, Refusal> {
        let request = Request {
            verb: &verb,
            uri: &self.uri,
            headers,
            body: &body,
        };
        let sent = self.connections.send(request).await;
        sent.map_err(|failure| self.refusal(failure))
    }

    /// Sends one request that somebody waits for, and what of it may be sent `again`, on a new
    /// connection.
    ///
    /// # Errors
    /// As for [`Wire::send`].
    pub(super) async fn post(
        &self,
        headers: &HeaderMap,
        body: &Bytes,
        again: impl Into<Try<'_>>,
    ) -> Result<Response, Refusal> {
        let Try { again, trace } = again.into();
        let request = Request {
            verb: &Verb::POST,
            uri: &self.uri,
            headers,
            body,
        };
        let failure = match self.connections.send(request).await {
            Ok(response) => return Ok(response),
            Err(failure) => failure,
        };
        let why = match (failure, again) {
            (Failure::Unreachable(error), Again::Unseen | Again::Unanswered) => error,
            (Failure::Broken(error), Again::Unanswered) => error.into(),
            // As if it had seen nothing of it.
            (Failure::Broken(error), Again::Elsewhere(true)) => {
                return Err(self.refusal(Failure::Unreachable(error.into())));
            }
            // Being dialled has taken its time already.
            (failure, _) => return Err(self.refusal(failure)),
        };
        if let Some(trace) = trace {
            trace.note("retry", || ("reason", chain(&*why)));
        }
        drop(why);
        let sent = Box::pin(self.send_again(request));
        sent.await.map_err(|failure| self.refusal(failure))
    }

    async fn send_again(&self, request: Request<'_>) -> Result<Response, Failure> {
        self.outlet.retries.fetch_add(1, Ordering::Relaxed);
        sleep(PAUSE).await;
        self.connections.send_anew(request).await
    }

    fn refusal(&self, failure: Failure) -> Refusal {
        let server = self.outlet.server.to_string();
        match failure {
            Failure::Unreachable(error) => Refusal::Unavailable {
                server,
                reason: self.unreachable(&*error),
            },
            Failure::Undialled(limit) => Refusal::Unavailable {
                reason: format!(
                    "no connection came about within {limit:?} ([servers.{server}] dial_timeout)"
                ),
                server,
            },
            Failure::Broken(error) => Refusal::Stopped {
                server,
                reason: chain(&error),
                stderr: Vec::new(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, sync::Arc};

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        join,
        net::TcpSocket,
        task::yield_now,
        time,
    };

    use super::*;
    use crate::{
        call::{Client, ServerName},
        exchange::Exchange,
        forward::{
            Answering, Audience, Server, ServerConfig, Upward, outlet::Outlet, queue::Queue,
        },
        mcp::Frame,
        route::Catalog,
    };

    struct Nobody;

    impl Upward for Nobody {
        fn notice(&self, _: &ServerName, _: Audience<'_>, _: &[Arc<Exchange>], _: Frame) {}
        fn question(&self, _: &ServerName, _: &Arc<Client>, _: Frame) -> Answering {
            Box::pin(async { None })
        }
        fn offer(&self, _: &Server, _: Catalog) {}
        fn withdraw(&self, _: &Server) {}
        fn settled(&self, _: &Server) {}
        fn waited(&self, _: &ServerName, _: Duration) {}
        fn is_watched(&self, _: &ServerName) -> bool {
            false
        }
    }

    fn wire(address: SocketAddr) -> Wire {
        let name = ServerName::try_from("up".to_owned()).unwrap();
        let config = ServerConfig {
            url: Some(format!("http://{address}/mcp").as_str().into()),
            ..ServerConfig::default()
        };
        let outlet = Outlet::new(
            &name,
            Arc::new(Nobody),
            &Arc::default(),
            &Arc::default(),
            &Queue::new(&config),
        );
        Wire::new(outlet, &config, 1024).unwrap()
    }

    /// A port that refuses connections until somebody listens.
    fn refusing() -> (TcpSocket, SocketAddr) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = socket.local_addr().unwrap();
        (socket, address)
    }

    #[tokio::test]
    async fn what_a_server_has_seen_nothing_of_is_sent_once_more_whatever_it_is() {
        let (socket, address) = refusing();
        let wire = wire(address);
        let (headers, body) = (HeaderMap::new(), Bytes::from("hello"));
        // The second try waits until somebody listens.
        time::pause();
        let server = async {
            while wire.outlet.retries.load(Ordering::Relaxed) == 0 {
                yield_now().await;
            }
            let listener = socket.listen(1).unwrap();
            time::resume();
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut read = Vec::new();
            while !read.ends_with(b"hello") {
                stream.read_buf(&mut read).await.unwrap();
            }
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            stream
        };

        let (sent, _stream) = join!(wire.post(&headers, &body, Again::Unseen), server);

        assert_eq!(sent.ok().unwrap().status, http::StatusCode::OK);
    }

    #[tokio::test]
    async fn a_server_that_refuses_twice_is_not_asked_a_third_time() {
        let (_socket, address) = refusing();
        let wire = wire(address);

        let sent = wire
            .post(&HeaderMap::new(), &Bytes::from("hello"), Again::Unanswered)
            .await;

        assert!(matches!(sent, Err(Refusal::Unavailable { .. })));
        assert_eq!(wire.outlet.retries.load(Ordering::Relaxed), 1);
    }
}

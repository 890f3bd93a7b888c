//! Whether a remote server is still there that says nothing of its own accord.
//!
//! Where a server has a stream of notifications, its end is the end of the connection. Where it
//! has none, nobody would notice it before a call fails: the server is asked now and then.

use std::convert::Infallible;

use http::{Method as Verb, StatusCode};
use tokio::time::{sleep, timeout};

use super::{
    answer::Trouble,
    http::Http,
    life::{Life, reason},
    link::Link,
    server::Server,
};
use crate::{
    call::Reply,
    exchange::Exchange,
    mcp::{Frame, Method, Part, fields, message},
    refusal::Refusal,
};

impl Server {
    /// Ends a life that has ended without a word.
    pub(super) async fn check(&self, link: &Link, life: &Life) -> Infallible {
        life.mute().await;
        let limit = self.config.connect_timeout;
        loop {
            sleep(self.config.check_interval()).await;
            // As long as connecting may take: a server that is busy is not gone.
            let gone = match timeout(limit, link.gone()).await {
                Ok(gone) => gone,
                Err(_elapsed) => Some(format!("it has not answered within {limit:?}")),
            };
            if let Some(reason) = gone {
                life.end(reason, Vec::new());
            }
        }
    }
}

impl Link {
    /// Asks the server whether it is there; says why if it is not.
    async fn gone(&self) -> Option<String> {
        absence(self.answered().await.err()?)
    }

    /// The same, but one that has only forgotten us is there.
    pub(super) async fn absent(&self) -> Option<String> {
        match self.answered().await {
            Ok(()) | Err(Trouble::SessionLost) => None,
            Err(trouble) => absence(trouble),
        }
    }

    async fn answered(&self) -> Result<(), Trouble> {
        let mut answer = self.asked().await;
        // Perhaps an idle connection was taken that closed in this very moment.
        if matches!(answer, Err(Trouble::Refused(Refusal::Stopped { .. }))) {
            answer = self.asked().await;
        }
        answer
    }

    async fn asked(&self) -> Result<(), Trouble> {
        match self {
            Self::Pool(_) => Ok(()), // its connection tells by itself
            Self::Http(http) => http.ping().await,
            Self::Stateless(server) => {
                let asked = server.ask(Method::ServerDiscover, "{}").await;
                asked.map(drop)
            }
        }
    }
}

impl Http {
    async fn ping(&self) -> Result<(), Trouble> {
        let Some(own) = self.own.load_full() else {
            return Ok(());
        };
        let number = self.number();
        let body = message::request(number, Method::Ping, "{}");
        let headers = own.last();
        let response = self.wire.send(Verb::POST, &headers, body).await?;
        let missing = response.status == StatusCode::NOT_FOUND && own.id.is_some();
        let (id, exchange) = (number.to_string(), Exchange::new(self.nobody.clone(), None));
        let id = id.as_bytes();
        let answer = match missing {
            true => self.wire.read(&headers, response, id, &exchange).await,
            false => self.read(&headers, response, id, &exchange).await,
        };
        // Some servers put "no such method" into a 404, too; that is no word of the session.
        if missing && !answer.as_ref().is_ok_and(is_unknown_method) {
            return Err(Trouble::SessionLost);
        }
        answer.map(drop)
    }
}

fn is_unknown_method(reply: &Reply) -> bool {
    let Reply::Failed(message) = reply else {
        return false;
    };
    Frame::parse(message.clone()).is_ok_and(|frame| {
        let error = frame.raw(Part::Error).unwrap_or_default();
        fields::field(error, "code") == Some("-32601")
    })
}

/// Why a server is not there; nothing where it has answered after all, whatever it has said.
fn absence(trouble: Trouble) -> Option<String> {
    match trouble {
        Trouble::SessionLost => Some("it has forgotten the gateway's session".to_owned()),
        Trouble::Status(status) if trouble.is_outage() => Some(format!("HTTP {status}")),
        Trouble::Busy => Some(format!("HTTP {}", StatusCode::SERVICE_UNAVAILABLE)),
        Trouble::Refused(refusal @ (Refusal::Unavailable { .. } | Refusal::Stopped { .. })) => {
            Some(reason(refusal))
        }
        Trouble::Status(_) | Trouble::Refused(_) => None,
    }
}

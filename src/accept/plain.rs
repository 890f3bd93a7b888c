//! Tools over plain HTTP, for those who do not speak MCP, under the same rules.
//!
//! `GET …/mcp/tools` gives `{"tools":[…]}`. `POST …/mcp/call-tool` takes `{"name","arguments"}`,
//! `POST …/mcp/tools/call` `{"tool_name","arguments"}` (either takes either), and gives the result
//! of the call as its server wrote it: that is what most servers of this kind give, and a client
//! has all of it, `isError` too. What is no result is `{"error":…}` under a status: the server's
//! own JSON-RPC error as it wrote it (502), or words.

use std::net::IpAddr;

use bytes::Bytes;
use http::{Method as Verb, Request, Response, StatusCode};
use hyper::body::Incoming;

use super::{
    begin,
    body::{Body, collected},
    encoding::accepts_gzip,
    http::Endpoint,
    meeting::Knock,
    response::{json, plainly_refused, ready},
};
use crate::{
    call::{Extent, Reply, RoleName, Target, Visit},
    mcp::{
        Frame, List, Method, Part, fields,
        message::{self, json as quoted},
    },
    pipeline::Answer,
    refusal::Refusal,
};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub enum Wish {
    /// The tools.
    Tools,
    /// The result of one.
    Call,
}

impl Endpoint {
    /// Answers a request for the tools, or to one of them.
    pub async fn plain(
        &self,
        request: Request<Incoming>,
        (peer, extent): (IpAddr, Extent),
        wish: Wish,
    ) -> Response<Body> {
        let verb = match wish {
            Wish::Tools => Verb::GET,
            Wish::Call => Verb::POST,
        };
        let knock = Knock {
            request: &request,
            peer,
            extent,
            plain: true,
        };
        let visit = match self.meet(knock, &[verb]).await {
            Ok(visit) => visit,
            Err(refused) => return *refused,
        };
        let gzip = accepts_gzip(request.headers());
        match self.ask(&visit, request, wish).await {
            Ok(answer) => self.unwrapped(&visit, answer, gzip).await,
            Err(refusal) => self.turned_away(&refusal, true),
        }
    }

    /// Asks as a client does that keeps no session: one stands for all calls of a caller.
    async fn ask(
        &self,
        visit: &Visit,
        request: Request<Incoming>,
        wish: Wish,
    ) -> Result<Answer, Refusal> {
        let (method, params) = match wish {
            Wish::Tools => (Method::List(List::Tools), "{}".to_owned()),
            Wish::Call => {
                let body = self.collect(request.into_body()).await?;
                (Method::ToolsCall, params(&body)?)
            }
        };
        // Whoever speaks plain HTTP does not say what they are.
        let session = self.pipeline().sessions.plain(visit, message::GATEWAY)?;
        let message = message::request(session.client.number(), method, &params);
        let (call, exchange) = begin(
            self.pipeline(),
            &session,
            Frame::parse(message)?,
            visit.clone(),
        );
        exchange.mute();
        Ok(call.await)
    }

    /// What is in an answer, without what JSON-RPC puts around it.
    async fn unwrapped(&self, visit: &Visit, answer: Answer, gzip: bool) -> Response<Body> {
        let Answer {
            reply,
            refusal,
            mut record,
            held: _held,
        } = answer;
        if let Some(refusal) = refusal {
            return plainly_refused(&refusal, denial(visit, &refusal).as_deref());
        }
        let message = match reply {
            Reply::Whole(message) | Reply::Failed(message) => Ok(message),
            Reply::Pieces(pieces) => {
                let mut list = pieces.bare();
                if gzip {
                    list.pack().await;
                }
                return ready(list);
            }
            Reply::Streamed(body) => collected(body, self.max_message)
                .await
                .inspect(|message| record.sent(message.len())),
            // Nobody could have cancelled it.
            Reply::Silence => Ok(Bytes::new()),
        };
        let frame = match message.map(Frame::parse) {
            Ok(Ok(frame)) => frame,
            Ok(Err(bad)) => return failed(&quoted(&bad.to_string())),
            Err(broken) => return plainly_refused(&broken, None),
        };
        match frame.raw_bytes(Part::Result) {
            Some(result) => json(StatusCode::OK, result),
            None => failed(frame.raw(Part::Error).unwrap_or("null")),
        }
    }
}

/// The server's fault; `error` is JSON.
fn failed(error: &str) -> Response<Body> {
    let body = format!(r#"{{"error":{error}}}"#);
    json(StatusCode::BAD_GATEWAY, body.into())
}

/// The `params` of the call that a body asks for, its arguments as they are written.
fn params(body: &[u8]) -> Result<String, Refusal> {
    let bad = Refusal::Params("the body is not `{\"name\":…,\"arguments\":{…}}`");
    let Ok(text) = std::str::from_utf8(body) else {
        return Err(bad);
    };
    let keys = ["name", "tool_name", "arguments"];
    let Ok([name, tool_name, arguments]) = fields::fields(text, keys) else {
        return Err(bad);
    };
    let ((Some(name), None) | (None, Some(name))) = (name, tool_name) else {
        return Err(Refusal::Params("`name` is missing, or there are two"));
    };
    if !name.starts_with('"') {
        return Err(Refusal::Params("`name` is not a string"));
    }
    let arguments = arguments.filter(|arguments| *arguments != "null");
    let arguments = arguments.unwrap_or("{}");
    if !arguments.starts_with('{') {
        return Err(Refusal::Params("`arguments` is not an object"));
    }
    Ok(format!(r#"{{"name":{name},"arguments":{arguments}}}"#))
}

/// Why a role may not do something, in words that name both. Only for what is there: the rest is
/// unknown.
fn denial(visit: &Visit, refusal: &Refusal) -> Option<String> {
    let caller = &visit.caller;
    let ours = caller.standing.role().map(RoleName::as_str);
    let role = caller.claimed.as_deref().or(ours)?;
    if let Refusal::Forbidden(Target::Tool(name), _) = refusal {
        return Some(format!("role {role} may not call {name}"));
    }
    if let Refusal::Condition(Target::Tool(name), _) = refusal {
        return Some(format!(
            "role {role} may not call {name} with these arguments"
        ));
    }
    None
}

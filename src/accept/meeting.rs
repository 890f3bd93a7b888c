//! Meeting a request before its body is read: strangers do not get to spend our memory.

use std::{net::IpAddr, sync::Arc};

use http::{HeaderMap, Method as Verb, Request, Response, StatusCode, header::AUTHORIZATION};
use hyper::body::Incoming;

use super::{
    address::client_address,
    body::Body,
    http::Endpoint,
    response::{not_allowed, plainly_refused, refused, turned_away},
};
use crate::{
    call::{ClientCertificate, Extent, TraceContext, Visit},
    observe::one_line,
    pipeline::Plan,
    refusal::{Reason, Refusal},
};

/// A request, and where the connection comes from on which it does.
pub(super) struct Knock<'a> {
    /// The request.
    pub request: &'a Request<Incoming>,
    /// The other end of the connection.
    pub peer: IpAddr,
    /// The part of the gateway that its path leads to.
    pub extent: Extent,
    /// Whether it speaks plain HTTP, and reads no JSON-RPC.
    pub plain: bool,
}

/// What somebody may know of how the gateway is doing.
pub struct Probe {
    /// More than that it lives.
    pub known: bool,
    /// Its numbers.
    pub scrapes: bool,
}

impl Endpoint {
    /// Looks at a request before its body: where it comes from, what it is, whose it is.
    pub(super) async fn meet(
        &self,
        knock: Knock<'_>,
        verbs: &[Verb],
    ) -> Result<Visit, Box<Response<Body>>> {
        let Knock {
            request,
            peer,
            extent,
            plain,
        } = knock;
        let (verb, headers) = (request.method(), request.headers());
        let refuse = |refusal| Box::new(self.turned_away(&refusal, plain));
        let plan = self.pipeline().plan();
        let address = locate(&plan, peer, headers).map_err(refuse)?;
        let checked = self.origins().check(request.uri(), headers);
        checked.map_err(refuse)?;
        // Without asking who it is: clients probe with HEAD, and take a 401 for a need of OAuth.
        if !verbs.contains(verb) {
            return Err(Box::new(not_allowed(verbs, plain)));
        }
        let shown = (headers, certificate(request));
        let caller = self.pipeline().identify(&plan, address, shown).await;
        let caller = caller.map_err(|unknown| {
            let mut response = refuse(unknown);
            self.challenge(request, &mut response);
            response
        })?;
        if !plan.reaches(&extent, &caller) {
            return Err(refuse(Refusal::NoPath));
        }
        let mut visit = Visit::new(caller, extent);
        if !plan.policy.passing.is_empty() {
            let passing = plan.policy.passing.iter().filter_map(|name| {
                let value = headers.get(name)?;
                Some((name.clone(), value.clone()))
            });
            visit.headers = passing.collect();
        }
        if self.pipeline().traces.is_on() {
            visit.trace = TraceContext::of_headers(headers).map(Arc::new);
        }
        Ok(visit)
    }

    /// Looks at a request for how the gateway is doing. Whoever asks may know more than that it
    /// lives if they say who they are, where callers can be asked; where not, they must not be a
    /// page that points its own name here. Probes name what host they like, and are answered all
    /// the same.
    pub async fn probe(
        &self,
        request: &Request<Incoming>,
        peer: IpAddr,
    ) -> Result<Probe, Box<Response<Body>>> {
        let headers = request.headers();
        let plan = self.pipeline().plan();
        let address = locate(&plan, peer, headers)
            .map_err(|refusal| Box::new(self.turned_away(&refusal, true)))?;
        let certificate = certificate(request);
        let shows = headers.contains_key(AUTHORIZATION)
            || headers.contains_key("x-api-key")
            || certificate.is_some();
        let open = plan.policy.credentials.is_empty();
        let sound = self.origins().check(request.uri(), headers).is_ok();
        let known = (open && sound)
            || (shows
                && self
                    .pipeline()
                    .identify(&plan, address, (headers, certificate))
                    .await
                    .is_ok());
        let near = plan.policy.measures(address);
        let scrapes = known || (sound && near);
        Ok(Probe { known, scrapes })
    }

    /// Looks at a request for what the gateway itself knows, such as who called what: for callers
    /// whose role says so. Where nobody is asked who they are, for those who may read the numbers
    /// without a key.
    ///
    /// # Errors
    /// The answer to anybody else.
    pub async fn overseer(
        &self,
        request: &Request<Incoming>,
        peer: IpAddr,
    ) -> Result<(), Box<Response<Body>>> {
        let knock = Knock {
            request,
            peer,
            extent: Extent::All,
            plain: true,
        };
        let visit = self.meet(knock, &[Verb::GET, Verb::HEAD]).await?;
        let policy = &self.pipeline().plan().policy;
        let asked = !policy.credentials.is_empty();
        let may = policy.roles.oversees(&visit.caller)
            && (asked
                || visit
                    .caller
                    .address
                    .is_some_and(|from| policy.measures(from)));
        match may {
            true => Ok(()),
            false => Err(Box::new(self.turned_away(&Refusal::NoAdmin, true))),
        }
    }

    /// Refuses somebody the numbers.
    pub fn unmeasured(&self) -> Response<Body> {
        self.turned_away(&Refusal::Scraper, true)
    }

    /// Refuses a request that has not become a call, and so has no record.
    pub(super) fn refused(&self, refusal: &Refusal, id: Option<&str>) -> Response<Body> {
        let Some(id) = id else {
            return self.turned_away(refusal, false);
        };
        let response = refused(refusal, id, self.refuses_with_status());
        self.note(refusal, response.status());
        response
    }

    /// Refuses what is no JSON-RPC request, or not yet.
    pub(super) fn turned_away(&self, refusal: &Refusal, plain: bool) -> Response<Body> {
        let response = match plain {
            true => plainly_refused(refusal, None),
            false => turned_away(refusal),
        };
        self.note(refusal, response.status());
        response
    }

    fn note(&self, refusal: &Refusal, status: StatusCode) {
        self.pipeline().metrics.refused(refusal.reason());
        // A mismatch quotes arguments, which are no business of the log.
        let words = match matches!(refusal, Refusal::Mismatch(_)) {
            true => "header mismatch".to_owned(),
            false => one_line(&refusal.to_string()),
        };
        let (reason, status) = (refusal.reason(), status.as_u16());
        // Who is nobody has a line already, with the address.
        let shown =
            (reason != Reason::Unauthenticated).then(|| self.pipeline().metrics.log.shows(reason));
        match shown.flatten() {
            Some(left_out) => tracing::info!(status, left_out, "refused: {words}"),
            None => tracing::debug!(status, "refused: {words}"),
        }
    }
}

/// The certificate that was shown for its connection: who serves that has put it there.
fn certificate(request: &Request<Incoming>) -> Option<&ClientCertificate> {
    let shown = request.extensions().get::<Arc<ClientCertificate>>();
    shown.map(Arc::as_ref)
}

/// Where a request comes from, if that address is served.
pub(super) fn locate(plan: &Plan, peer: IpAddr, headers: &HeaderMap) -> Result<IpAddr, Refusal> {
    let address = client_address(peer, headers, &plan.policy.proxies);
    match plan.policy.allowed.admit(Some(address)) {
        true => Ok(address),
        false => Err(Refusal::Address),
    }
}

//! The headers of a request to a server: some are the same for all, some are the caller's.

use std::{borrow::Cow, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use indexmap::IndexMap;

use super::{Secret, ServerConfig};
use crate::{
    call::{Behalf, Caller, RoleHeaders, ServerName, Template, Traced, Visit},
    refusal::Refusal,
    route::Routed,
};

/// The session a server keeps for us.
pub(super) const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
/// What was agreed at `initialize`.
pub(super) const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// Where a broken stream goes on.
pub(super) const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");

/// A table of headers, as the loader has checked it: each with its template, and as written.
pub(crate) fn templates(
    headers: &IndexMap<String, Secret>,
) -> impl Iterator<Item = (HeaderName, Template, &Secret)> {
    headers.iter().filter_map(|(name, value)| {
        let name = HeaderName::try_from(name.as_str()).ok()?;
        Some((name, Template::parse(value.reveal()).ok()?, value))
    })
}

impl ServerConfig {
    /// The headers of clients that its table lets pass.
    pub(crate) fn passed(&self) -> impl Iterator<Item = HeaderName> {
        let listed = self.forward_headers.iter();
        let listed = listed.filter_map(|name| HeaderName::try_from(name.as_str()).ok());
        let own = self.forward_authorization.then_some(header::AUTHORIZATION);
        listed.chain(own)
    }
}

/// What a server's requests carry, prepared once.
pub(super) struct Headers {
    server: ServerName,
    /// What stands in every request: what the config says, then what the protocol wants.
    pub(super) fixed: HeaderMap,
    /// Those of clients that pass.
    passed: Vec<HeaderName>,
    /// Those that are filled for each caller.
    filled: Vec<(HeaderName, Template)>,
}

impl Headers {
    pub(super) fn new(server: &ServerName, config: &ServerConfig) -> Self {
        let (mut fixed, mut filled) = (HeaderMap::new(), Vec::new());
        for (name, template, value) in templates(&config.headers) {
            match HeaderValue::from_str(value.reveal()) {
                Ok(mut value) if template.is_fixed() => {
                    value.set_sensitive(true);
                    fixed.insert(name, value);
                }
                Ok(_) | Err(_) => filled.push((name, template)),
            }
        }
        let json = HeaderValue::from_static("application/json");
        fixed.insert(header::CONTENT_TYPE, json);
        let accept = HeaderValue::from_static("application/json, text/event-stream");
        fixed.insert(header::ACCEPT, accept);
        Self {
            server: server.clone(),
            fixed,
            passed: config.passed().collect(),
            filled,
        }
    }

    /// What a call carries of its caller's.
    ///
    /// # Errors
    /// When something that is known of the caller does not fit into a header.
    pub(super) fn of_call(&self, routed: &Routed) -> Result<Extra, Refusal> {
        let (client, headers) = (&routed.call().client, routed.headers());
        let extra = self.of(&routed.call().visit, headers)?;
        if extra.0.is_some() || client.acts() {
            client.acts_for(routed.behalf());
        }
        Ok(extra)
    }

    /// What is sent on somebody's behalf carries of theirs; nothing on nobody's.
    ///
    /// # Errors
    /// As for [`Headers::of_call`].
    pub(super) fn of_behalf(&self, behalf: Option<&Behalf>) -> Result<Extra, Refusal> {
        match behalf {
            Some(behalf) => self.of(&behalf.visit, &behalf.headers),
            None => Ok(Extra::default()),
        }
    }

    /// What of it a connection must not be shared with others without: all but what clients may
    /// say anew with each request.
    pub(super) fn lasting(&self, extra: &Extra) -> Extra {
        let lasting = |(name, _): &&Line| !self.passed.contains(name);
        let lines: Vec<Line> = extra.lines().iter().filter(lasting).cloned().collect();
        Extra::new(lines)
    }

    fn of(&self, visit: &Visit, role: &RoleHeaders) -> Result<Extra, Refusal> {
        if self.passed.is_empty() && self.filled.is_empty() && role.is_empty() {
            return Ok(Extra::default());
        }
        let passes = |(name, _): &&(HeaderName, HeaderValue)| self.passed.contains(name);
        let passed = visit.headers.iter().filter(passes);
        let mut lines: Vec<Line> = passed
            .map(|(name, value)| (name.clone(), Some(value.clone())))
            .collect();
        // Whatever stood under these names before, also where nothing takes its place.
        for (name, template) in self.filled.iter().chain(role.iter()) {
            lines.retain(|(known, _)| known != name);
            lines.push((name.clone(), self.fill(name, template, &visit.caller)?));
        }
        for value in lines.iter_mut().filter_map(|(_, value)| value.as_mut()) {
            value.set_sensitive(true);
        }
        Ok(Extra::new(lines))
    }

    fn fill(
        &self,
        name: &HeaderName,
        template: &Template,
        caller: &Caller,
    ) -> Result<Option<HeaderValue>, Refusal> {
        let Some(text) = template.fill(caller) else {
            return Ok(None);
        };
        // Servers take white space off the ends, and differ in what they take other letters for:
        // it might name somebody else.
        let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && text.trim() == text;
        let value = HeaderValue::from_str(&text).ok().filter(|_| plain);
        value.map(Some).ok_or_else(|| Refusal::Unspeakable {
            server: self.server.to_string(),
            setting: format!("the header `{name}`"),
        })
    }
}

/// A header, and what it is to be; nothing: it is not to be there.
type Line = (HeaderName, Option<HeaderValue>);

/// What a request carries of one caller's, over what is the same for all.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Extra(Option<Arc<[Line]>>);

impl Extra {
    fn new(lines: Vec<Line>) -> Self {
        Self((!lines.is_empty()).then(|| lines.into()))
    }

    /// The same, with what says of which trace the call is a part: that is of this call alone.
    pub(super) fn traced(self, trace: Option<&Traced>) -> Self {
        let Some(trace) = trace else { return self };
        let traced = trace.headers().map(|(name, value)| (name, Some(value)));
        let traced: Vec<Line> = traced.collect();
        let other = |(name, _): &&Line| traced.iter().all(|(known, _)| known != name);
        let others = self.lines().iter().filter(other).cloned();
        Self::new(others.chain(traced.iter().cloned()).collect())
    }

    fn lines(&self) -> &[Line] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Headers with these over them.
    pub(super) fn over<'a>(&self, headers: &'a HeaderMap) -> Cow<'a, HeaderMap> {
        if self.0.is_none() {
            return Cow::Borrowed(headers);
        }
        let mut headers = headers.clone();
        self.put(&mut headers);
        Cow::Owned(headers)
    }

    /// Puts these over headers.
    pub(super) fn put(&self, headers: &mut HeaderMap) {
        for (name, _) in self.lines() {
            headers.remove(name);
        }
        for (name, value) in self.lines() {
            if let Some(value) = value {
                headers.append(name.clone(), value.clone());
            }
        }
    }
}

/// Headers that say of which trace a call is a part, where calls are traced.
pub(super) fn traced<'a>(
    headers: Cow<'a, HeaderMap>,
    trace: Option<&Traced>,
) -> Cow<'a, HeaderMap> {
    let Some(trace) = trace else { return headers };
    let mut headers = headers.into_owned();
    trace.put(&mut headers);
    Cow::Owned(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Extent, Identity, Standing, Who};

    /// What `X-Id` is for a caller of that id; an error where the call is refused.
    fn sent(id: &str) -> Result<Option<String>, String> {
        let config: ServerConfig =
            toml::from_str(r#"headers = { X-Id = "{{caller.id}}" }"#).unwrap();
        let server = ServerName::try_from("up".to_owned()).unwrap();
        let who = Who {
            id: Some(id.into()),
            ..Who::of(Identity::Anonymous, Standing::Everything)
        };
        let visit = Visit::new(Caller::new(Arc::new(who), None), Extent::All);
        let headers = Headers::new(&server, &config);
        let extra = headers.of(&visit, &RoleHeaders::default());
        let extra = extra.map_err(|refusal| refusal.to_string())?;
        let headers = extra.over(&headers.fixed);
        let value = headers.get("x-id");
        assert!(value.is_none_or(HeaderValue::is_sensitive));
        Ok(value.map(|value| value.to_str().unwrap().to_owned()))
    }

    #[test]
    fn a_value_that_servers_could_take_for_another_is_refused() {
        assert_eq!(sent("sam o'neil"), Ok(Some("sam o'neil".to_owned())));
        assert_eq!(sent(""), Ok(None));
        for id in [
            "sam\r\nX-Admin: 1",
            "sam\n",
            "sam\0",
            "\tsam",
            " sam",
            "sam ",
            "a\tb",
            "säm",
            "\u{7f}",
        ] {
            let words = "server `up` cannot be told who calls: the header `x-id` cannot hold it";
            assert_eq!(sent(id), Err(words.to_owned()), "{id:?}");
        }
    }
}

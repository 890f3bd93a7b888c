//! What is known of a request beside its message.

use std::{fmt, sync::Arc};

use http::{HeaderName, HeaderValue};

use super::{Caller, Extent, Standing, TraceContext};
use crate::map::Few;

/// What is known of a request beside its message.
#[derive(Clone)]
pub struct Visit {
    /// Who makes it.
    pub caller: Caller,
    /// The part of the gateway that its path leads to.
    pub extent: Extent,
    /// Headers that may go on to a server: those that mirror arguments, and those that the config
    /// lets pass.
    pub headers: Few<(HeaderName, HeaderValue)>,
    /// The trace that its headers say it is a part of, where calls are traced.
    pub trace: Option<Arc<TraceContext>>,
}

impl Visit {
    /// A request that brings no headers.
    pub fn new(caller: Caller, extent: Extent) -> Self {
        Self {
            caller,
            extent,
            headers: Few::default(),
            trace: None,
        }
    }

    /// The first value of a header that may go on to a server.
    pub fn header(&self, name: &HeaderName) -> Option<&HeaderValue> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value)
    }

    /// A request of the user whose process speaks over stdin.
    pub fn local(standing: Standing) -> Self {
        Self::new(Caller::local(standing), Extent::All)
    }
}

impl fmt::Debug for Visit {
    /// Never the values of headers: credentials may be among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&HeaderName> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Visit")
            .field("caller", &self.caller)
            .field("extent", &self.extent)
            .field("headers", &names)
            .finish()
    }
}

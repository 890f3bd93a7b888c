//! A plan without servers: what would be, if a server had what somebody asks about.

use std::sync::Arc;

use bytes::Bytes;

use super::policy;
use crate::{
    authenticate::jwt::Tokens,
    authorise::Wanted,
    config::Config,
    forward::Servers,
    mcp::{List, message},
    pipeline::Plan,
    route::{Catalog, Item, ServerPart, Views},
};

/// The plan of a configuration, before any server has been heard of.
pub fn plan(config: &Config) -> Plan {
    // The loader has read the same, unless a file has changed in this moment.
    let tokens = policy::tokens(config).unwrap_or_else(|fault| {
        tracing::error!("tokens are not accepted: {fault}");
        Tokens::default()
    });
    let policy = Arc::new(policy::policy(config, tokens, None));
    Plan {
        servers: Arc::new(Servers::new(&config.servers, config.gateway.max_message)),
        views: Arc::new(Views::new(policy.sights.clone(), Vec::new())),
        policy,
    }
}

/// A plan in which one server has one thing, and the name under which that is exposed.
pub struct Supposed {
    /// The plan.
    pub plan: Plan,
    /// The name.
    pub exposed: String,
}

impl Supposed {
    /// As `plan` says, if the server had that.
    pub fn new(plan: &Plan, config: &Config, wanted: &Wanted) -> Self {
        let server = wanted.server.clone();
        let own = config.servers.get(&server);
        let prefix = own.and_then(|server| server.prefix.clone());
        let mut catalog = Catalog::new(None, r#"{"resources":{}}"#);
        let items = item(wanted).into_iter().collect();
        catalog.set(wanted.list, items);
        let part = ServerPart {
            prefix: prefix.unwrap_or_else(|| server.to_string()),
            server,
            catalog: Arc::new(catalog),
        };
        let views = Views::new(plan.policy.sights.clone(), vec![part]);
        let exposed = views.whole().names(wanted.list).first().copied();
        let exposed = exposed.unwrap_or(&wanted.name).to_owned();
        let views = Arc::new(views);
        let plan = Plan {
            views,
            ..plan.clone()
        };
        Self { plan, exposed }
    }
}

/// As its server would list it.
fn item(wanted: &Wanted) -> Option<Item> {
    let key = message::json(&wanted.name);
    let text = match wanted.list {
        List::Tools => format!(r#"{{"name":{key},"inputSchema":{{"type":"object"}}}}"#),
        List::Prompts => format!(r#"{{"name":{key}}}"#),
        List::Resources | List::Templates => format!(r#"{{"uri":{key}}}"#),
    };
    let page = Bytes::from(text);
    let raw = std::str::from_utf8(&page).ok()?;
    Item::read(wanted.list, &page, raw).ok()
}

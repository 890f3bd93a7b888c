//! Doors that stand open by accident: settings that are right one by one, and together let in
//! everybody.

use std::collections::HashMap;

use super::{Config, Fault, document::Document};
use crate::gateway::TlsConfig;

/// More addresses than one machine has, in bits: 8 of them are more than one service needs.
const ONE_SERVICE: u8 = 3;

/// What is looked at together with settings of other files, and has to be found again.
const IN_GATEWAY: [&str; 3] = ["trusted_proxies", "metrics_from", "cors_origins"];
const IN_POLICIES: [Setting; 1] = [["trusted_headers", "from"]];

/// Where these settings stand.
#[derive(Debug, Clone, Default)]
pub(super) struct Places(HashMap<Setting, String>);

/// Its table, and its key.
type Setting = [&'static str; 2];

/// A setting, and what is to be said of it.
type Door = (Setting, String);

impl PartialEq for Places {
    /// A line further down is no other configuration.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Places {
    /// It is no longer what the file says.
    pub(super) fn forget(&mut self, setting: Setting) {
        self.0.remove(&setting);
    }

    pub(super) fn note_gateway(&mut self, document: &Document<'_>) {
        for key in IN_GATEWAY {
            self.note(document, ["gateway", key]);
        }
    }

    pub(super) fn note_policies(&mut self, document: &Document<'_>) {
        for setting in IN_POLICIES {
            self.note(document, setting);
        }
    }

    fn note(&mut self, document: &Document<'_>, setting: Setting) {
        if let Some(place) = document.find(setting[0], setting[1]) {
            self.0.insert(setting, place);
        }
    }

    /// A remark about one of them, as a mistake there would be told.
    fn say(&self, (setting, words): &Door) -> String {
        let fault = Fault::at(*setting, words.as_str());
        match self.0.get(setting) {
            Some(place) => format!("{place}: {fault}"),
            None => fault.to_string(),
        }
    }
}

impl Config {
    /// Settings that let in, or believe, more than whoever wrote them is likely to have thought of:
    /// a line for each, with what can happen and what ends it.
    pub fn open_doors(&self) -> Vec<String> {
        let doors = self.doors();
        doors.iter().map(|door| self.places.say(door)).collect()
    }

    /// Those that did not stand open under the configuration before.
    pub(crate) fn opened_since(&self, before: &Self) -> Vec<String> {
        let known = before.doors();
        let mut doors = self.doors();
        doors.retain(|door| !known.contains(door));
        doors.iter().map(|door| self.places.say(door)).collect()
    }

    fn doors(&self) -> Vec<Door> {
        let doors = [self.proxies(), self.peers(), self.pages(), self.numbers()];
        doors.into_iter().flatten().collect()
    }

    /// Whether a stranger who reaches it may call, and nobody has said that this is meant.
    fn welcomes_all_unasked(&self) -> bool {
        let tls = self.gateway.tls.as_ref();
        let certificate = tls.is_some_and(TlsConfig::keeps_strangers_out);
        let meant = self.gateway.allow_unauthenticated || self.policy.anonymous.is_some();
        self.policy.asks_nobody() && self.policy.roles.is_empty() && !certificate && !meant
    }

    fn proxies(&self) -> Option<Door> {
        let proxies = &self.gateway.trusted_proxies;
        let words = if proxies.is_empty() {
            return None;
        } else if self.welcomes_all_unasked() {
            "everybody who reaches the proxy may call everything, since nobody is asked who they \
             are: add a key to policies/keys.toml (`mcpgate hash-key` makes it), or set \
             `allow_unauthenticated = true` in [gateway] if that is meant"
        } else if proxies.is_nearly_all() {
            "hardly anybody is left out: whoever connects says for which address they ask, and \
             `allowed_ips`, `from`, limits and the audit go by that; list the proxies alone"
        } else {
            return None;
        };
        Some((["gateway", "trusted_proxies"], words.to_owned()))
    }

    fn peers(&self) -> Option<Door> {
        let trusted = self.policy.trusted_headers.as_ref()?;
        // With a key as well, an address alone is not enough.
        if !trusted.keys.is_empty() {
            return None;
        }
        let from = &trusted.from;
        let who = match (from.has_loopback(), from.is_wider_than(ONE_SERVICE)) {
            (false, false) => return None,
            (_, true) => "everybody in that network, and whoever reaches a proxy there,",
            (true, false) => {
                "every program on this machine, and whoever reaches a proxy that runs on it,"
            }
        };
        let words = format!(
            "{who} may say that they are anybody, in any role, and no key is asked for: name the \
             peer's key in `keys` (`mcpgate hash-key` makes one)"
        );
        Some((["trusted_headers", "from"], words))
    }

    fn pages(&self) -> Option<Door> {
        let all = self.gateway.cors_origins.iter().any(|origin| origin == "*");
        let words = "every web page that is open in a browser which reaches the gateway may call \
                     everything, since nobody is asked who they are: list the pages' origins, or \
                     add a key to policies/keys.toml (`mcpgate hash-key` makes it)";
        let open = all && self.welcomes_all_unasked();
        open.then(|| (["gateway", "cors_origins"], words.to_owned()))
    }

    fn numbers(&self) -> Option<Door> {
        let words = "hardly anybody is left out: /metrics tells whoever reaches it the names of \
                     servers and tools, and who uses how much of them; list the addresses that \
                     scrape, or let them show a key";
        let open = self.gateway.metrics_from.is_nearly_all();
        // Where nobody is asked anything, it is the least of it.
        let open = open && !self.policy.asks_nobody();
        open.then(|| (["gateway", "metrics_from"], words.to_owned()))
    }
}

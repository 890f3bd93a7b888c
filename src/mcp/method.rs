//! Every method once.

use super::fields::string;

/// A method the gateway knows. Others pass by their name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Opens a session.
    Initialize,
    /// Is anybody there?
    Ping,
    /// One of the four lists.
    List(List),
    /// Calls a tool.
    ToolsCall,
    /// Reads a resource.
    ResourcesRead,
    /// Asks for `notifications/resources/updated` of one resource.
    ResourcesSubscribe,
    /// Ends that.
    ResourcesUnsubscribe,
    /// Renders a prompt.
    PromptsGet,
    /// Completes an argument of a prompt or a resource template.
    CompletionComplete,
    /// Sets the lowest level of log messages to send.
    LoggingSetLevel,
    /// A server asks the client's model.
    SamplingCreateMessage,
    /// A server asks the user.
    ElicitationCreate,
    /// A server asks for the client's roots.
    RootsList,
    /// What the server is, without a session.
    ServerDiscover,
    /// Opens a stream of notifications, without a session.
    SubscriptionsListen,
    /// That stream is open.
    SubscriptionsAcknowledged,
    /// The client is ready.
    Initialized,
    /// A request is no longer wanted.
    Cancelled,
    /// A request is under way.
    Progress,
    /// A log message.
    Message,
    /// A resource that was subscribed to has changed.
    ResourcesUpdated,
    /// One of a server's lists has changed.
    ListChanged(List),
    /// The client's roots have changed.
    RootsListChanged,
}

/// The four lists a server offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum List {
    /// `tools/list`.
    Tools,
    /// `resources/list`.
    Resources,
    /// `resources/templates/list`; its changes are told as `notifications/resources/list_changed`.
    Templates,
    /// `prompts/list`.
    Prompts,
}

impl List {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Tools, Self::Resources, Self::Templates, Self::Prompts];

    /// The method that asks for it.
    pub fn method(self) -> Method {
        Method::List(self)
    }

    /// What a person calls its items.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Resources => "resources",
            Self::Templates => "resource templates",
            Self::Prompts => "prompts",
        }
    }

    /// The key of its result that holds the items.
    pub fn key(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Resources => "resources",
            Self::Templates => "resourceTemplates",
            Self::Prompts => "prompts",
        }
    }
}

/// Method and name, most called first: the list is searched from the front.
const TABLE: [(Method, &str); 28] = [
    (Method::ToolsCall, "tools/call"),
    (Method::Progress, "notifications/progress"),
    (Method::List(List::Tools), "tools/list"),
    (Method::Ping, "ping"),
    (Method::Message, "notifications/message"),
    (Method::Cancelled, "notifications/cancelled"),
    (Method::ResourcesRead, "resources/read"),
    (Method::PromptsGet, "prompts/get"),
    (Method::CompletionComplete, "completion/complete"),
    (Method::List(List::Resources), "resources/list"),
    (Method::List(List::Templates), "resources/templates/list"),
    (Method::List(List::Prompts), "prompts/list"),
    (Method::ResourcesSubscribe, "resources/subscribe"),
    (Method::ResourcesUnsubscribe, "resources/unsubscribe"),
    (Method::ResourcesUpdated, "notifications/resources/updated"),
    (Method::Initialize, "initialize"),
    (Method::Initialized, "notifications/initialized"),
    (Method::ServerDiscover, "server/discover"),
    (Method::SubscriptionsListen, "subscriptions/listen"),
    (
        Method::SubscriptionsAcknowledged,
        "notifications/subscriptions/acknowledged",
    ),
    (Method::LoggingSetLevel, "logging/setLevel"),
    (Method::SamplingCreateMessage, "sampling/createMessage"),
    (Method::ElicitationCreate, "elicitation/create"),
    (Method::RootsList, "roots/list"),
    (
        Method::ListChanged(List::Tools),
        "notifications/tools/list_changed",
    ),
    (
        Method::ListChanged(List::Resources),
        "notifications/resources/list_changed",
    ),
    (
        Method::ListChanged(List::Prompts),
        "notifications/prompts/list_changed",
    ),
    (Method::RootsListChanged, "notifications/roots/list_changed"),
];

impl Method {
    /// The method of that name.
    pub fn named(name: &str) -> Option<Self> {
        TABLE
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(method, _)| *method)
    }

    /// The method whose name stands so in a message, in its quotes.
    pub(super) fn written(raw: &[u8]) -> Option<Self> {
        let name = raw.get(1..raw.len().checked_sub(1)?)?;
        let found = TABLE.iter().find(|(_, known)| known.as_bytes() == name);
        match found {
            Some((method, _)) => Some(*method),
            None => Self::named(&string(std::str::from_utf8(raw).ok()?)?),
        }
    }

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        // Templates have no notification of their own.
        let templates = self == Self::ListChanged(List::Templates);
        let wanted = if templates {
            Self::ListChanged(List::Resources)
        } else {
            self
        };
        TABLE
            .iter()
            .find(|(known, _)| *known == wanted)
            .map_or("", |(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_found_by_its_name() {
        for (method, name) in TABLE {
            assert_eq!(Method::named(name), Some(method));
            assert_eq!(method.name(), name);
        }
    }
}

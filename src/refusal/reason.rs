//! Why a call was refused, in one word, and where on its way that was: what numbers and logs say.

use super::Refusal;

/// Each word with its refusal and the stage it belongs to. A new refusal must say where it belongs.
macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal at $stage:ident,)*) => {
        /// Why a call was refused: [`Refusal`] without its particulars.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// All of them.
            pub const ALL: [Self; [$($word),*].len()] = [$(Self::$name),*];

            /// Metric label: snake case, never more than these.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// The stage that refuses so.
            pub fn stage(self) -> Stage {
                match self {
                    $(Self::$name => Stage::$stage,)*
                }
            }
        }
    };
}

reasons! {
    /// Not a message.
    Malformed = "malformed" at Accept,
    /// Larger than `max_message`.
    TooLarge = "too_large" at Accept,
    /// No room among `max_buffered`.
    Overfull = "overfull" at Accept,
    /// A foreign `Host` or `Origin`.
    Foreign = "foreign" at Accept,
    /// No session header.
    SessionMissing = "session_missing" at Accept,
    /// No such session.
    SessionUnknown = "session_unknown" at Accept,
    /// A path that leads nowhere.
    NoPath = "no_path" at Accept,
    /// Nothing is left of a stream.
    StreamOver = "stream_over" at Accept,
    /// `max_sessions` are open.
    SessionsFull = "sessions_full" at Accept,
    /// `max_sessions_per_caller` are in use.
    SessionsOfCaller = "sessions_of_caller" at Accept,
    /// A second `initialize`.
    Initialized = "initialized" at Accept,
    /// A method that nobody answers.
    UnknownMethod = "unknown_method" at Accept,
    /// A revision that is not spoken here.
    Revision = "revision" at Accept,
    /// A header that names no revision.
    Version = "version" at Accept,
    /// Headers that do not say what the body does.
    Mismatch = "mismatch" at Accept,
    /// Parameters that the method does not take.
    Params = "params" at Accept,
    /// An address that is not served.
    Address = "address" at Accept,
    /// Who may not read the numbers.
    Scraper = "scraper" at Accept,
    /// Bad or missing credentials.
    Unauthenticated = "unauthenticated" at Authenticate,
    /// Too many bad credentials from one address.
    SignIns = "sign_ins" at Authenticate,
    /// Who may not look at the gateway itself.
    NoAdmin = "no_admin" at Authorise,
    /// No role.
    NoRole = "no_role" at Authorise,
    /// No rule allows it.
    Forbidden = "forbidden" at Authorise,
    /// Not with these arguments.
    Condition = "condition" at Authorise,
    /// A limit is reached.
    Limited = "limited" at Limit,
    /// No place at the server.
    Crowded = "crowded" at Limit,
    /// It cannot be recorded.
    Unrecorded = "unrecorded" at Observe,
    /// No server offers it.
    NoRoute = "no_route" at Route,
    /// The server is not there.
    Unavailable = "unavailable" at Forward,
    /// The server has failed too often.
    BreakerOpen = "breaker_open" at Forward,
    /// The server cannot be told who calls.
    Unspeakable = "unspeakable" at Forward,
    /// The server went away meanwhile.
    Stopped = "stopped" at Forward,
    /// The server's answer is not one.
    Garbled = "garbled" at Forward,
    /// The client does not answer the server's question.
    Unanswered = "unanswered" at Forward,
    /// The server took too long.
    TimedOut = "timed_out" at Forward,
}

/// Where on its way a call was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Before it was a call.
    Accept,
    /// Who is calling.
    Authenticate,
    /// What they may do.
    Authorise,
    /// How much.
    Limit,
    /// Which server.
    Route,
    /// On the way to the server, or back.
    Forward,
    /// Whether it can be recorded.
    Observe,
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Accept,
        Self::Authenticate,
        Self::Authorise,
        Self::Limit,
        Self::Route,
        Self::Forward,
        Self::Observe,
    ];

    /// Metric label and log field.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Authenticate => "authenticate",
            Self::Authorise => "authorise",
            Self::Limit => "limit",
            Self::Route => "route",
            Self::Forward => "forward",
            Self::Observe => "observe",
        }
    }
}

impl Refusal {
    /// Why, in one word.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Malformed(_) => Reason::Malformed,
            Self::TooLarge(_) => Reason::TooLarge,
            Self::Overfull => Reason::Overfull,
            Self::Foreign { .. } => Reason::Foreign,
            Self::SessionMissing => Reason::SessionMissing,
            Self::SessionUnknown => Reason::SessionUnknown,
            Self::NoPath => Reason::NoPath,
            Self::StreamOver => Reason::StreamOver,
            Self::SessionsFull => Reason::SessionsFull,
            Self::SessionsOfCaller => Reason::SessionsOfCaller,
            Self::Initialized => Reason::Initialized,
            Self::Unauthenticated => Reason::Unauthenticated,
            Self::SignIns(_) => Reason::SignIns,
            Self::Address => Reason::Address,
            Self::Scraper => Reason::Scraper,
            Self::NoAdmin => Reason::NoAdmin,
            Self::NoRole(_) => Reason::NoRole,
            Self::Forbidden(..) => Reason::Forbidden,
            Self::Condition(..) => Reason::Condition,
            Self::Limited { .. } => Reason::Limited,
            Self::Unrecorded => Reason::Unrecorded,
            Self::UnknownMethod(_) => Reason::UnknownMethod,
            Self::Revision(_) => Reason::Revision,
            Self::Version(_) => Reason::Version,
            Self::Mismatch(_) => Reason::Mismatch,
            Self::Stateless(refusal) => refusal.reason(),
            Self::Params(_) => Reason::Params,
            Self::NoRoute(_) => Reason::NoRoute,
            Self::Unavailable { .. } => Reason::Unavailable,
            Self::BreakerOpen { .. } => Reason::BreakerOpen,
            Self::Crowded { .. } => Reason::Crowded,
            Self::Unspeakable { .. } => Reason::Unspeakable,
            Self::Stopped { .. } => Reason::Stopped,
            Self::Garbled { .. } => Reason::Garbled,
            Self::Unanswered => Reason::Unanswered,
            Self::TimedOut { .. } => Reason::TimedOut,
        }
    }

    /// The stage that refused.
    pub fn stage(&self) -> Stage {
        self.reason().stage()
    }
}

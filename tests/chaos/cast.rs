//! The servers behind the gateway: who they are, how they speak, and what becomes of them.

/// How a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speech {
    /// `fake_server`, launched.
    Child,
    /// `mcpgate example`, launched.
    Example,
    /// Streamable HTTP with sessions.
    Sessions,
    /// Streamable HTTP of 2026-07-28.
    Stateless,
    /// The legacy HTTP+SSE.
    Legacy,
}

/// What becomes of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing: each call to it has to succeed.
    Calm,
    /// It is killed, hangs, garbles, disappears and comes back.
    Wild,
    /// It is well, but comes and goes in the config.
    Guest,
}

/// One server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Actor {
    /// The name of its table.
    pub(crate) name: &'static str,
    /// How it speaks.
    pub(crate) speech: Speech,
    /// What becomes of it.
    pub(crate) fate: Fate,
    /// What its table says beyond that.
    pub(crate) more: &'static str,
}

const fn actor(name: &'static str, speech: Speech, fate: Fate, more: &'static str) -> Actor {
    Actor {
        name,
        speech,
        fate,
        more,
    }
}

/// All of them.
pub(crate) static CAST: [Actor; 14] = [
    actor("calm_child", Speech::Child, Fate::Calm, ""),
    actor("calm_user", Speech::Child, Fate::Calm, "scope = 'user'\n"),
    actor("calm_example", Speech::Example, Fate::Calm, ""),
    actor("calm_http", Speech::Sessions, Fate::Calm, ""),
    actor("calm_new", Speech::Stateless, Fate::Calm, ""),
    actor("calm_sse", Speech::Legacy, Fate::Calm, ""),
    actor("wild_child", Speech::Child, Fate::Wild, ""),
    actor("wild_user", Speech::Child, Fate::Wild, "scope = 'user'\n"),
    actor(
        "wild_lazy",
        Speech::Child,
        Fate::Wild,
        "start = 'lazy'\nidle_stop = '1s'\n",
    ),
    actor("wild_http", Speech::Sessions, Fate::Wild, ""),
    actor("wild_new", Speech::Stateless, Fate::Wild, ""),
    actor("wild_sse", Speech::Legacy, Fate::Wild, ""),
    actor("guest_child", Speech::Child, Fate::Guest, ""),
    actor("guest_http", Speech::Sessions, Fate::Guest, ""),
];

impl Actor {
    /// The tool that gives back what it is called with. Its name says whose it is, so that a call
    /// which went to another server is seen.
    pub(crate) fn tool(&self) -> String {
        match self.speech {
            Speech::Example => "echo".to_owned(),
            Speech::Child | Speech::Sessions | Speech::Stateless | Speech::Legacy => {
                format!("echo_{}", self.name)
            }
        }
    }

    /// A tool that no role may call.
    pub(crate) fn secret(&self) -> String {
        format!("secret_{}", self.name)
    }

    /// How clients call a tool of its.
    pub(crate) fn exposed(&self, tool: &str) -> String {
        format!("{}__{tool}", self.name)
    }

    /// Whether it is a task of ours, so that it is known what it has been asked.
    pub(crate) fn is_ours(&self) -> bool {
        match self.speech {
            Speech::Child | Speech::Example => false,
            Speech::Sessions | Speech::Stateless | Speech::Legacy => true,
        }
    }

    /// Those to whom that happens.
    pub(crate) fn all(fate: Fate) -> Vec<&'static Self> {
        CAST.iter().filter(|actor| actor.fate == fate).collect()
    }
}

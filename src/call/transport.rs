//! How a client reaches the gateway.

/// How a client reaches the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Streamable HTTP.
    Http,
    /// The legacy HTTP+SSE.
    Sse,
    /// Plain HTTP, without MCP.
    Plain,
    /// A pipe.
    Stdio,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Http, Self::Sse, Self::Plain, Self::Stdio];

    /// Metric label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Sse => "sse",
            Self::Plain => "plain",
            Self::Stdio => "stdio",
        }
    }
}

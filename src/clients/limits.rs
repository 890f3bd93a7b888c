//! How much a client bears.

/// How long names of tools may be, and how many tools there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// What the client calls a tool before its model: `mcp__{server}__{tool}`.
    pub called: &'static str,
    /// The longest such name, in characters. A longer one is cut, left out, or fails every request.
    pub longest_name: usize,
    /// How many tools it takes, those of its other servers included. Beyond, the rest is left out,
    /// or every request fails. Nothing: none is known.
    pub most_tools: Option<usize>,
    /// How many it took in older versions that are still in use, if that were fewer.
    pub most_tools_once: Option<usize>,
    /// Who says so.
    pub source: &'static str,
}

impl Limits {
    /// What the client calls a tool of a server.
    ///
    /// ```
    /// let limits = mcpgate::clients::Client::ClaudeCode.facts().limits;
    /// assert_eq!(limits.full_name("mcpgate", "files__read"), "mcp__mcpgate__files__read");
    /// ```
    pub fn full_name(&self, server: &str, tool: &str) -> String {
        self.called
            .replace("{server}", server)
            .replace("{tool}", tool)
    }

    /// How many characters a tool's own name may have, if the server has this name there.
    pub fn room(&self, server: &str) -> usize {
        let around = self.full_name(server, "").chars().count();
        self.longest_name.saturating_sub(around)
    }
}

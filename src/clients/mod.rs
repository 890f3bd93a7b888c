//! The MCP clients that people use: where their config file is, what stands in it, what they bear.
//!
//! All that is known of them stands in one table, `facts.rs`. To add a client: a variant here, and
//! its entry there.

mod facts;
pub mod file;
pub mod install;
mod limits;
mod places;
pub mod read;
pub mod secrets;

pub use facts::{Facts, Form, Syntax, Urls, Variables};
pub use limits::Limits;
pub use places::{Files, Machine, System};

/// The name under which our own entry stands in a client's file.
pub const OURS: &str = "mcpgate";

/// An MCP client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Client {
    /// Anthropic's app for the desktop.
    ClaudeDesktop,
    /// Anthropic's command line.
    ClaudeCode,
    /// An editor.
    Cursor,
    /// Visual Studio Code, with Copilot.
    VsCode,
    /// An editor.
    Windsurf,
    /// An editor.
    Zed,
    /// A chat server for many users.
    LibreChat,
}

impl Client {
    /// All of them, in the order in which they are looked for and listed.
    pub const ALL: [Self; 7] = [
        Self::ClaudeDesktop,
        Self::ClaudeCode,
        Self::Cursor,
        Self::VsCode,
        Self::Windsurf,
        Self::Zed,
        Self::LibreChat,
    ];

    /// The client of that name, as it is typed: `claude-desktop`.
    pub fn named(name: &str) -> Option<Self> {
        let plain = |name: &str| name.to_ascii_lowercase().replace(['-', '_', ' '], "");
        let name = plain(name);
        Self::ALL
            .into_iter()
            .find(|client| plain(client.facts().name) == name)
    }

    /// The client whose file probably has this path, by how it ends.
    pub fn of_file(path: &std::path::Path) -> Option<Self> {
        Self::ALL.into_iter().find(|client| {
            let facts = client.facts();
            let own = facts.user.into_iter().flat_map(Files::all);
            // `settings.json` and `mcp.json` say nothing without the folder they are in.
            let mut ends = own.chain(facts.project).map(|place| {
                let parts: Vec<&str> = place.rsplit('/').take(2).collect();
                match parts.as_slice() {
                    [file, "~"] => (*file).to_owned(),
                    [file, folder] if matches!(*file, "mcp.json" | "settings.json") => {
                        format!("{folder}/{file}")
                    }
                    [file, ..] => (*file).to_owned(),
                    [] => String::new(),
                }
            });
            ends.any(|end| path.ends_with(end))
        })
    }
}

impl std::fmt::Display for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.facts().title)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_client_is_found_by_its_name_in_every_spelling() {
        for name in ["claude-desktop", "Claude Desktop", "claudedesktop"] {
            assert_eq!(Client::named(name), Some(Client::ClaudeDesktop), "{name}");
        }
        assert_eq!(Client::named("vs-code"), Some(Client::VsCode));
        assert_eq!(Client::named("emacs"), None);
        for client in Client::ALL {
            assert_eq!(Client::named(client.facts().name), Some(client));
        }
    }

    #[test]
    fn a_file_tells_whose_it_is() {
        for (path, client) in [
            ("/x/claude_desktop_config.json", Client::ClaudeDesktop),
            ("/home/sam/.claude.json", Client::ClaudeCode),
            ("repo/.mcp.json", Client::ClaudeCode),
            ("repo/.cursor/mcp.json", Client::Cursor),
            ("repo/.vscode/mcp.json", Client::VsCode),
            ("/h/.config/Code/User/mcp.json", Client::VsCode),
            ("mcp_config.json", Client::Windsurf),
            ("/h/.config/zed/settings.json", Client::Zed),
            ("librechat.yaml", Client::LibreChat),
        ] {
            assert_eq!(Client::of_file(Path::new(path)), Some(client), "{path}");
        }
        for path in [
            "mcp.json",
            "settings.json",
            ".mcp_servers.json",
            "servers.toml",
        ] {
            assert_eq!(Client::of_file(Path::new(path)), None, "{path}");
        }
    }
}

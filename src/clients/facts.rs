//! The table: what is known of each client.

use super::{Client, Files, Limits};

/// What a file is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// JSON; comments and commas at the end are read in it, and kept.
    Json,
    /// YAML.
    Yaml,
}

/// How a client takes a variable of its environment into its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variables {
    /// Not at all: what it is to send has to stand there.
    None,
    /// `${NAME}`.
    Plain,
    /// `${env:NAME}`.
    Env,
}

impl Variables {
    /// The variable as it is written there.
    pub fn write(self, name: &str) -> Option<String> {
        match self {
            Self::None => None,
            Self::Plain => Some(format!("${{{name}}}")),
            Self::Env => Some(format!("${{env:{name}}}")),
        }
    }
}

/// How a server at a URL looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Urls {
    /// The key of the address.
    pub key: &'static str,
    /// What `type` has to say about it, if anything.
    pub kind: Option<&'static str>,
}

/// How servers stand in a client's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// What the file is written in.
    pub syntax: Syntax,
    /// The key under which servers stand, each under its name.
    pub servers: &'static str,
    /// What has to stand in a server that is launched, beside `command`, `args` and `env`.
    pub stdio: Option<(&'static str, &'static str)>,
    /// How a server at a URL looks, beside `headers`. Nothing: it knows none.
    pub urls: Option<Urls>,
    /// How it takes variables into it.
    pub variables: Variables,
}

/// What is known of one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// As it is typed: `claude-desktop`.
    pub name: &'static str,
    /// As it calls itself.
    pub title: &'static str,
    /// The file of a person. Nothing: it has none.
    pub user: Option<Files>,
    /// The file of a project, seen from its folder. Nothing: it has none.
    pub project: Option<&'static str>,
    /// How servers stand in both.
    pub form: Form,
    /// How much it bears.
    pub limits: Limits,
    /// What to do so that it reads its file again.
    pub reload: &'static str,
}

/// What most have.
const MCP_SERVERS: Form = Form {
    syntax: Syntax::Json,
    servers: "mcpServers",
    stdio: None,
    urls: None,
    variables: Variables::None,
};

// Places: modelcontextprotocol.io/docs/develop/connect-local-servers. Linux has no official app;
// those that people build keep to XDG. Addresses are no part of the file: they are added as
// connectors. Limits: what api.anthropic.com says of a tool's name, `^[a-zA-Z0-9_-]{1,64}$`.
const CLAUDE_DESKTOP: Facts = Facts {
    name: "claude-desktop",
    title: "Claude Desktop",
    user: Some(Files {
        linux: "~/.config/Claude/claude_desktop_config.json",
        macos: "~/Library/Application Support/Claude/claude_desktop_config.json",
        windows: "%APPDATA%/Claude/claude_desktop_config.json",
        moved_by: None,
    }),
    project: None,
    form: MCP_SERVERS,
    limits: Limits {
        called: "{tool}",
        longest_name: 64,
        most_tools: None,
        most_tools_once: None,
        source: "docs.claude.com, tool use",
    },
    reload: "quit Claude Desktop (closing its window is not enough) and start it again",
};

// code.claude.com/docs/en/mcp: scopes, `type`, `${VAR}`; names are `mcp__<server>__<tool>`.
const CLAUDE_CODE: Facts = Facts {
    name: "claude-code",
    title: "Claude Code",
    user: Some(Files {
        moved_by: Some("CLAUDE_CONFIG_DIR"),
        ..Files::at_home("~/.claude.json")
    }),
    project: Some(".mcp.json"),
    form: Form {
        stdio: Some(("type", "stdio")),
        urls: Some(Urls {
            key: "url",
            kind: Some("http"),
        }),
        variables: Variables::Plain,
        ..MCP_SERVERS
    },
    limits: Limits {
        called: "mcp__{server}__{tool}",
        longest_name: 64,
        most_tools: None,
        most_tools_once: None,
        source: "code.claude.com/docs/en/mcp",
    },
    reload: "start a new session of Claude Code; `/mcp` shows it there",
};

// cursor.com/docs/context/mcp. It leaves out tools whose server and name pass 60 characters
// (github.com/awslabs/mcp/issues/1283), and took 40 tools in all, since late 2025 80
// (github.com/Snowflake-Labs/mcp/issues/77).
const CURSOR: Facts = Facts {
    name: "cursor",
    title: "Cursor",
    user: Some(Files::at_home("~/.cursor/mcp.json")),
    project: Some(".cursor/mcp.json"),
    form: Form {
        urls: Some(Urls {
            key: "url",
            kind: None,
        }),
        variables: Variables::Env,
        ..MCP_SERVERS
    },
    limits: Limits {
        called: "{server}:{tool}",
        longest_name: 60,
        most_tools: Some(80),
        most_tools_once: Some(40),
        source: "cursor.com/docs/context/mcp",
    },
    reload: "look into Cursor's settings, Tools & MCP: it is listed there, and may have to be switched on",
};

// code.visualstudio.com/docs/copilot/reference/mcp-configuration. Names: McpToolName in its source,
// `mcp_` and at most 13 characters of the server before the tool, 64 in all. Tools: "Cannot have more
// than 128 tools per request".
const VS_CODE: Facts = Facts {
    name: "vscode",
    title: "VS Code",
    user: Some(Files {
        linux: "~/.config/Code/User/mcp.json",
        macos: "~/Library/Application Support/Code/User/mcp.json",
        windows: "%APPDATA%/Code/User/mcp.json",
        moved_by: None,
    }),
    project: Some(".vscode/mcp.json"),
    form: Form {
        servers: "servers",
        stdio: Some(("type", "stdio")),
        urls: Some(Urls {
            key: "url",
            kind: Some("http"),
        }),
        variables: Variables::Env,
        ..MCP_SERVERS
    },
    limits: Limits {
        called: "mcp_{server}_{tool}",
        longest_name: 64,
        most_tools: Some(128),
        most_tools_once: None,
        source: "code.visualstudio.com/docs/copilot/reference/mcp-configuration",
    },
    reload: "run `MCP: List Servers` in VS Code and start it there",
};

// docs.windsurf.com/windsurf/cascade/mcp: `serverUrl` or `url`, `${env:VAR}`, 100 tools in all; it
// were 50 in spring 2025. Its names are `mcp0_<tool>`, with the number of the server.
const WINDSURF: Facts = Facts {
    name: "windsurf",
    title: "Windsurf",
    user: Some(Files::at_home("~/.codeium/windsurf/mcp_config.json")),
    project: None,
    form: Form {
        urls: Some(Urls {
            key: "serverUrl",
            kind: None,
        }),
        variables: Variables::Env,
        ..MCP_SERVERS
    },
    limits: Limits {
        called: "mcp00_{tool}",
        longest_name: 64,
        most_tools: Some(100),
        most_tools_once: Some(50),
        source: "docs.windsurf.com/windsurf/cascade/mcp",
    },
    reload: "press refresh in Windsurf's settings, Cascade, MCP servers",
};

// zed.dev/docs/ai/mcp. `source` is what versions before 2025-11 ask for. Names: its
// MAX_TOOL_NAME_LENGTH; the server's name joins only tools that two servers have.
const ZED: Facts = Facts {
    name: "zed",
    title: "Zed",
    user: Some(Files {
        windows: "%APPDATA%/Zed/settings.json",
        ..Files::at_home("~/.config/zed/settings.json")
    }),
    project: Some(".zed/settings.json"),
    form: Form {
        servers: "context_servers",
        stdio: Some(("source", "custom")),
        urls: Some(Urls {
            key: "url",
            kind: None,
        }),
        ..MCP_SERVERS
    },
    limits: Limits {
        called: "{tool}",
        longest_name: 64,
        most_tools: None,
        most_tools_once: None,
        source: "zed.dev/docs/ai/mcp",
    },
    reload: "nothing: Zed reads its settings when they change; the Agent Panel's settings show it",
};

// librechat.ai/docs/configuration/librechat_yaml/object_structure/mcp_servers. Its names are
// `<tool>_mcp_<server>`; the limits are those of the models that most use it with: 64 characters,
// 128 tools (platform.openai.com/docs/api-reference).
const LIBRECHAT: Facts = Facts {
    name: "librechat",
    title: "LibreChat",
    user: None,
    project: Some("librechat.yaml"),
    form: Form {
        syntax: Syntax::Yaml,
        stdio: Some(("type", "stdio")),
        urls: Some(Urls {
            key: "url",
            kind: Some("streamable-http"),
        }),
        variables: Variables::Plain,
        ..MCP_SERVERS
    },
    limits: Limits {
        called: "{tool}_mcp_{server}",
        longest_name: 64,
        most_tools: Some(128),
        most_tools_once: None,
        source: "librechat.ai/docs/features/mcp",
    },
    reload: "restart LibreChat (`docker compose restart api`)",
};

impl Client {
    /// All that is known of it.
    pub const fn facts(self) -> &'static Facts {
        match self {
            Self::ClaudeDesktop => &CLAUDE_DESKTOP,
            Self::ClaudeCode => &CLAUDE_CODE,
            Self::Cursor => &CURSOR,
            Self::VsCode => &VS_CODE,
            Self::Windsurf => &WINDSURF,
            Self::Zed => &ZED,
            Self::LibreChat => &LIBRECHAT,
        }
    }
}

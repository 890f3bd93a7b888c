//! Keys of a server that only clients know, and those that are ours.

/// What is said of a key that cannot be taken over.
pub(super) fn foreign(key: &str) -> Option<&'static str> {
    Some(match key {
        "alwaysAllow" | "autoApprove" | "autoapprove" | "trust" | "requireApproval" => {
            "which calls are made without asking is the client's to say"
        }
        "disabledTools" | "enabledTools" | "tools" | "includeTools" | "excludeTools"
        | "allowedTools" | "toolFilter" => {
            "say it as `allow` and `deny` of a role in policies/ (docs: who may do what)"
        }
        "envFile" | "env_file" => {
            "set the variables of that file where the gateway runs, and name them in `env`"
        }
        "oauth" | "auth" | "requiresOAuth" | "oauth_headers" | "authProviderType"
        | "headersHelper" | "obo" => {
            "the gateway does not sign in by OAuth; give it a token in `headers`"
        }
        "customUserVars" => "each user's own value: send it by `forward_headers`",
        "serverInstructions" | "iconPath" | "icon" | "icons" | "chatMenu" | "title" | "gallery"
        | "label" | "displayName" | "version" | "registry" | "sseReadTimeout" | "initTimeout"
        | "startup" | "dev" | "devMode" | "id" | "name" | "settings" | "source" | "remote"
        | "sandboxEnabled" | "note" | "comment" | "_comment" | "author" | "tags" | "homepage"
        | "lastUpdated" | "installed" | "proxy" | "category" => "it is about the client alone",
        "timeout" | "timeoutMs" | "toolTimeout" | "requestTimeout" | "networkTimeout" => {
            "clients disagree on its unit; say `timeout = \"60s\"`"
        }
        _ => return None,
    })
}

/// The keys of `[servers.*]` that nobody else gives another meaning: written in such a file, they
/// mean what they do in ours.
pub(super) const OURS: [&str; 33] = [
    "revision",
    "scope",
    "required",
    "prefix",
    "from",
    "forward_headers",
    "forward_authorization",
    "caller_meta",
    "timeout_total",
    "connect_timeout",
    "ca",
    "dial_timeout",
    "breaker",
    "max_in_flight",
    "queue",
    "queue_wait",
    "check_interval",
    "memory",
    "cpu",
    "open_files",
    "user",
    "group",
    "stop_timeout",
    "sandbox",
    "start",
    "idle_stop",
    "max_instances",
    "pool",
    "disabled",
    "command",
    "args",
    "env",
    "cwd",
];

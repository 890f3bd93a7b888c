//! What the files say.

use std::path::Path;

use toml::Value;

use super::{
    answers::{Answers, Users},
    server::{Kind, Named},
};

/// `servers.toml`.
pub(super) fn servers(answers: &Answers) -> String {
    let mut text = format!(
        "# What is behind the gateway, and where it listens. Made by `mcpgate init`.\n\
         #\n\
         # After a change: `mcpgate check`. A running gateway reads this file by itself when it changes.\n\
         # In every string, `${{VAR}}` is a variable and `${{file:/run/secrets/x}}` what stands in a file.\n\
         \n\
         [gateway]\n\
         {}\
         listen = \"{}\"\n",
        where_it_listens(answers),
        answers.listen,
    );
    if answers.needs_key() {
        text += "\n# The names by which clients find it. Once there are some, others are refused: a web page could\n\
                 # point its own name here.\n\
                 #allowed_hosts = [\"gate.lan\"]\n";
    }
    text += &tls(answers);
    text += "\n# One line of JSON for each call: who called what, and how it ended. Off without `file`.\n\
             [audit]\n\
             #file = \"audit.jsonl\"\n";
    for server in &answers.servers {
        text += &table(server);
    }
    text
}

/// `[gateway.tls]`, or how to have it.
fn tls(answers: &Answers) -> String {
    let quoted = |path: &Path| {
        let path = path.to_string_lossy().replace("${", "$${");
        Value::from(path).to_string()
    };
    match &answers.tls {
        Some([cert, key]) => format!(
            "\n# It serves HTTPS. New files in the place of these are noticed.\n\
             [gateway.tls]\n\
             cert = {}\n\
             key = {}\n",
            quoted(cert),
            quoted(key)
        ),
        None if answers.in_the_clear() => {
            "\n# HTTPS: without it, others on the network can read keys and answers, unless a proxy in front has it.\n\
             #[gateway.tls]\n\
             #cert = \"cert.pem\"\n\
             #key = \"key.pem\"\n"
                .to_owned()
        }
        None => String::new(),
    }
}

fn where_it_listens(answers: &Answers) -> &'static str {
    match answers.listen.ip().is_loopback() {
        true => {
            "# This machine alone reaches it here. \"0.0.0.0:8765\" is for others, too: not without keys.\n"
        }
        false => "# Whoever reaches this address needs a key (policies/access.toml).\n",
    }
}

fn table(server: &Named) -> String {
    let (name, quoted) = (&server.name, |text: &str| Value::from(text).to_string());
    let list = |args: &[String]| Value::from(args.to_vec()).to_string();
    let body = match &server.kind {
        Kind::Folder(path) => {
            let path = path.to_string_lossy();
            let args = ["-y", "@modelcontextprotocol/server-filesystem", &path];
            let args = args.map(|arg| arg.replace("${", "$${"));
            format!(
                "# Reads and writes the files in that folder. Needs Node.js (npx), which downloads it at first.\n\
                 [servers.{name}]\n\
                 command = \"npx\"\n\
                 args = {}\n\
                 # Keep it to that folder, whatever its program wants (Linux); npx needs its cache.\n\
                 #sandbox = {{ read = [], write = [{}, \"${{HOME}}/.npm\"] }}\n",
                list(&args),
                quoted(&path.replace("${", "$${")),
            )
        }
        Kind::Command(program, args) => format!(
            "[servers.{name}]\n\
             command = {}\n\
             args = {}\n\
             # Its secrets, so that they are no arguments that `ps` shows.\n\
             #env = {{ API_KEY = \"${{API_KEY}}\" }}\n",
            quoted(program),
            list(args),
        ),
        Kind::Url(url) => format!(
            "[servers.{name}]\n\
             url = {}\n\
             # What it wants to be shown; callers never see it.\n\
             #headers = {{ Authorization = \"Bearer ${{{}_TOKEN}}\" }}\n",
            quoted(url),
            name.to_ascii_uppercase().replace('-', "_"),
        ),
        Kind::Example => format!(
            "# The built-in server, to try things with.\n\
             [servers.{name}]\n\
             command = \"mcpgate\"\n\
             args = [\"example\"]\n"
        ),
    };
    format!("\n\n{body}")
}

/// `policies/access.toml`.
pub(super) fn access(answers: &Answers, hash: &str) -> String {
    let head = "# Who may come in, and what they may do. Made by `mcpgate init`.\n\
                #\n\
                # Patterns are server/tool: \"files/read_*\". What no rule allows is refused, and not listed.\n\
                # `mcpgate explain --role user` shows what comes out.\n";
    let roles = "\n\
         # Everything, and a look at the gateway itself (`/stats`, `mcpgate top --url`).\n\
         [roles.admin]\n\
         allow = [\"*\"]\n\
         admin = true\n\
         \n\
         [roles.user]\n\
         allow = [\"*\"]\n\
         #deny = [\"*/delete_*\", \"*/write_*\"]\n\
         # So many calls a minute, each caller.\n\
         #limits = [{ calls = 100, per = \"60s\", each = [\"caller\"] }]\n";
    let keys = match answers.users {
        Users::Me | Users::Network => format!(
            "\n\
             # Another key: `mcpgate hash-key bob` prints the key for bob, and his table for this file.\n\
             [keys.admin]\n\
             hash = \"{hash}\"\n\
             role = \"admin\"\n"
        ),
        Users::Chat => format!(
            "\n\
             # The chat itself may do nothing: whoever asks through it has a role of their own.\n\
             [roles.chat]\n\
             \n\
             # The chat's key makes the headers below believed.\n\
             [keys.chat]\n\
             hash = \"{hash}\"\n\
             role = \"chat\"\n\
             \n\
             # With that key, the headers X-User-ID, X-User-Email and X-User-Role say who asks.\n\
             [trusted_headers]\n\
             keys = [\"chat\"]\n\
             # What their roles are here. One that is not listed is refused.\n\
             roles = {{ ADMIN = \"admin\", USER = \"user\" }}\n"
        ),
    };
    [head, roles, &keys].concat()
}

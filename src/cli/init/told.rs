//! What somebody is told who now has a config: the key, and what to do next.

use super::{
    File,
    answers::{Answers, Users},
};

/// What was written, the key that no file has, and what comes next.
pub(super) fn written(files: &[File], key: Option<&str>, answers: &Answers) -> String {
    let mut text = "Written:\n".to_owned();
    for file in files {
        text += &format!("  {}\n      {}\n", file.path.display(), file.about);
    }
    if let Some(key) = key {
        text += &format!("\nThe first key, shown only now (the file has its hash):\n  {key}\n");
    }
    text += "\nNext:\n  mcpgate check     connects to each server, and says what is wrong\n";
    match answers.users {
        Users::Me => {
            text += "  mcpgate install   puts it into Claude Desktop, Cursor, VS Code …: `mcpgate install cursor`\n"
        }
        Users::Network | Users::Chat => {}
    }
    text += &format!(
        "  mcpgate serve     listens at {}://{}/mcp",
        answers.scheme(),
        answers.listen
    );
    let address = reached(answers);
    match answers.users {
        Users::Me => {}
        Users::Network => {
            text += "\n\nClients show the key as `Authorization: Bearer …`:\n";
            text += &format!("  mcpgate list --url {address}/mcp --key mcpg_…");
        }
        Users::Chat => text += &librechat(answers),
    }
    if answers.in_the_clear() {
        text += "\n\nIt speaks plain HTTP, in which others on the network can read keys and answers. \
                 HTTPS: [gateway.tls]\nin servers.toml (--tls-cert and --tls-key write it), or a proxy \
                 in front of it.";
    }
    text
}

/// Where clients find it: at "0.0.0.0" they are told to put this machine's name.
fn reached(answers: &Answers) -> String {
    let (listen, scheme) = (answers.listen, answers.scheme());
    let host = match (listen.ip().is_unspecified(), answers.users) {
        (false, _) => return format!("{scheme}://{listen}"),
        (true, Users::Chat) => "host.docker.internal",
        (true, Users::Me | Users::Network) => "THIS-MACHINE",
    };
    format!("{scheme}://{host}:{}", listen.port())
}

fn librechat(answers: &Answers) -> String {
    format!(
        "\n\nFor librechat.yaml, with MCPGATE_KEY in its environment:\n\
         \x20 mcpServers:\n\
         \x20   mcpgate:\n\
         \x20     type: streamable-http\n\
         \x20     url: {}/mcp  # as its container finds this machine\n\
         \x20     requiresOAuth: false\n\
         \x20     headers:\n\
         \x20       Authorization: \"Bearer ${{MCPGATE_KEY}}\"\n\
         \x20       X-User-ID: \"{{{{LIBRECHAT_USER_ID}}}}\"\n\
         \x20       X-User-Email: \"{{{{LIBRECHAT_USER_EMAIL}}}}\"\n\
         \x20       X-User-Role: \"{{{{LIBRECHAT_USER_ROLE}}}}\"",
        reached(answers)
    )
}

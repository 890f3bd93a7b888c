//! `mcpgate install`: what is told of clients and their files.

use std::fs;

use mcpgate::clients::Client;

use crate::{
    cli::EXAMPLE,
    cli_import::ran,
    cli_install::{home, place},
    pipe::{program, soon},
};

#[tokio::test]
async fn without_a_client_it_names_those_whose_files_are_here_first() {
    let home = home();
    let (code, _, err) = ran(home.path(), &["install"]).await;
    assert_eq!(code, Some(2));
    assert!(
        err.starts_with("mcpgate: into which client? claude-desktop, "),
        "{err}"
    );

    let path = place(Client::Cursor, home.path());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "{}").unwrap();
    let (_, _, err) = ran(home.path(), &["install"]).await;
    assert!(err.contains("Files of cursor are here"), "{err}");
    assert!(err.contains("for example: mcpgate install cursor"), "{err}");
}

#[tokio::test]
async fn what_the_client_has_twice_or_will_not_find_in_its_environment_is_told() {
    let home = home();
    let path = place(Client::Cursor, home.path());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let theirs = r#"{"mcpServers": {"example": {"command": "x"}, "other": {"command": "y"}}}"#;
    fs::write(&path, theirs).unwrap();
    let wants = format!("{EXAMPLE}env = {{ A = \"${{SUCH_A_TOKEN}}\", H = \"${{HOME}}\" }}\n");
    fs::write(home.path().join("servers.toml"), wants).unwrap();

    let mut command = program(home.path());
    let command = command.args(["install", "cursor"]).env("SUCH_A_TOKEN", "t");
    let output = soon("install", command.output()).await;
    let (code, out, err) = crate::cli::seen(&output.unwrap());

    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    for words in [
        "behind mcpgate and there, too: example;",
        "1 other server stands there, too: other;",
        "servers.toml takes SUCH_A_TOKEN from the environment: Cursor",
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }
}

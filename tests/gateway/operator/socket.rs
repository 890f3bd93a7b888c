//! The socket itself: whose it is, and for how long.
//!
//! That another user is refused cannot be tested here: it takes a second user.

use std::{
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::UnixListener,
    },
    process::Stdio,
};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};

use super::{Running, folder, socket, told};
use crate::pipe::program;

#[tokio::test]
async fn the_socket_is_for_its_owner_alone_and_goes_with_the_gateway() {
    let folder = folder("");
    let running = Running::start(&folder).await;

    let made = std::fs::symlink_metadata(socket(&folder)).unwrap();
    assert!(made.file_type().is_socket());
    assert_eq!(made.permissions().mode() & 0o777, 0o600);

    running.end().await;
    assert!(!socket(&folder).exists());
}

#[tokio::test]
async fn two_gateways_start_on_one_socket_and_the_first_has_it() {
    let folder = folder("");
    let first = Running::start(&folder).await;
    let pid = async || {
        let page: Value =
            serde_json::from_str(&told(&folder, &["servers", "--json"]).await.1).unwrap();
        page["pid"].as_u64()
    };
    let mut command = program(folder.path());
    command.arg("serve").stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let said = BufReader::new(process.stderr.take().unwrap()).lines();
    let mut second = Running {
        process,
        said,
        url: String::new(),
    };

    let warning = second.says("no control socket").await;
    assert!(
        warning.contains("WARN")
            && warning.contains("another gateway answers there ([gateway] control_socket)"),
        "{warning}"
    );
    second.says(" serves ").await;
    assert_eq!(pid().await, first.process.id().map(u64::from));
    second.end().await;
    assert_eq!(pid().await, first.process.id().map(u64::from));
}

#[tokio::test]
async fn a_socket_that_nobody_listens_on_is_replaced_and_nothing_else_is() {
    let folder = folder("");
    drop(UnixListener::bind(socket(&folder)).unwrap());
    let running = Running::start(&folder).await;
    assert_eq!(told(&folder, &["servers"]).await.0, Some(0));
    running.end().await;

    std::fs::write(socket(&folder), "precious").unwrap();
    let running = Running::start(&folder).await;
    assert_eq!(told(&folder, &["servers"]).await.0, Some(1));
    running.end().await;
    assert_eq!(
        std::fs::read_to_string(socket(&folder)).unwrap(),
        "precious"
    );
}

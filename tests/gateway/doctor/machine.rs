//! What is around the gateway: clocks, and one that runs already.

use super::*;

#[tokio::test]
async fn a_clock_that_differs_from_a_servers_is_told_with_by_how_much() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let hour = jiff::SignedDuration::from_hours(1);
    let late = (jiff::Timestamp::now() - hour).strftime("%a, %d %b %Y %H:%M:%S GMT");
    let answer = format!("HTTP/1.1 404 Not Found\r\ndate: {late}\r\ncontent-length: 0\r\n\r\n");
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            drop(stream.read(&mut head).await);
            drop(stream.write_all(answer.as_bytes()).await);
        }
    });
    let folder = folder(&format!("[servers.late]\nurl = 'http://{address}/mcp'\n"));

    let (_, findings) = found(folder.path(), &[]).await;

    let finding = with(&findings, "s ahead of late");
    let ahead = finding["words"]
        .as_str()
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    assert!(
        (3595..3660).contains(&ahead.parse::<i32>().unwrap()),
        "{finding}"
    );
    is(&findings, "warning", "s ahead of late", "set-ntp");
    serving.abort();
}

#[tokio::test]
async fn of_a_gateway_that_runs_its_servers_and_its_last_reload_are_told() {
    let folder = folder(&server("s", &[]));
    let mut running = Running::start(folder.path()).await;
    running.says(" tools, ").await;

    let (code, findings) = found(folder.path(), &[]).await;

    assert_eq!(code, Some(0), "{findings:#?}");
    let pid = running.process.id().unwrap();
    with(
        &findings,
        &format!("{} runs (pid {pid})", env!("CARGO_PKG_VERSION")),
    );
    assert_eq!(with(&findings, "s is up, 12 tools")["level"], "ok");
    with(&findings, "12 tools fit all of 7");
    assert!(!format!("{findings:?}").contains("answers after"));
    let config = folder.path().join("servers.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(
        &config,
        text + "drian = '1s'
",
    )
    .unwrap();
    running.says("drian").await;
    let (code, findings) = found(folder.path(), &[]).await;
    assert_eq!(code, Some(1));
    is(
        &findings,
        "problem",
        "its last reload failed",
        "mcpgate reload",
    );
    running.stop().await;
}

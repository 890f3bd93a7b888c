//! How an answer arrives: as JSON, unless something precedes it; whole, however large.

use http::{Method, StatusCode};
use http_body_util::BodyExt;

use crate::support::{
    Answer, Gate, Gateway, Heard, HttpServer, call, initialize, notification, request, within,
};

const MEBIBYTE: usize = 1024 * 1024;

fn progress(number: usize) -> String {
    let params = format!(r#"{{"progressToken":"t","progress":{number}}}"#);
    notification("notifications/progress", &params)
}

/// A result of at least this many bytes, none of which repeats in step with a buffer.
fn large(request: &Heard, size: usize) -> String {
    let mut text = String::with_capacity(size + 16);
    for number in 0.. {
        if text.len() >= size {
            break;
        }
        text.push_str(&format!("{number},"));
    }
    request.result(&format!(
        r#"{{"content":[{{"type":"text","text":"{text}"}}]}}"#
    ))
}

#[tokio::test]
async fn an_answer_that_nothing_precedes_is_plain_json() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;

    let json = client.call("up__echo", "{}").await;
    server.on("tools/call", |heard| Answer::events([heard.result("{}")]));
    let event = client.call("up__echo", "{}").await;

    for reply in [json, event] {
        assert_eq!(reply.status, StatusCode::OK);
        assert_eq!(reply.header("content-type"), "application/json");
    }
}

#[tokio::test]
async fn what_precedes_an_answer_comes_as_it_happens_and_in_its_order() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    let (more, end) = (Gate::default(), Gate::default());
    let gates = (more.clone(), end.clone());
    server.on("tools/call", move |heard| {
        let first = Answer::events([progress(1), progress(2)]).wait(&gates.0);
        let second = first.then(Answer::events([progress(3)])).wait(&gates.1);
        second.then(Answer::events([heard.result(r#"{"x":1}"#), progress(4)]))
    });

    let mut events = client.post_events(call("1", "up__echo", "{}")).await;

    assert_eq!(events.data().await, progress(1));
    assert_eq!(events.data().await, progress(2));
    more.open();
    assert_eq!(events.data().await, progress(3));
    end.open();
    assert_eq!(
        events.data().await,
        r#"{"jsonrpc":"2.0","id":1,"result":{"x":1}}"#
    );
    assert_eq!(events.next().await, None, "nothing follows the answer");
}

#[tokio::test]
async fn what_precedes_an_answer_keeps_its_place_though_all_comes_at_once() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    server.on("tools/call", |heard| {
        let messages = (0..50).map(progress).chain([heard.result("{}")]);
        let events: String = messages
            .map(|message| format!("data: {message}\n\n"))
            .collect();
        Answer::body(200, "text/event-stream", events)
    });

    let events = client.call("up__echo", "{}").await.events();

    let data: Vec<String> = events.into_iter().map(|event| event.data).collect();
    let result = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#.to_owned();
    let expected: Vec<String> = (0..50).map(progress).chain([result]).collect();
    assert_eq!(data, expected);
}

#[tokio::test]
async fn a_client_that_reads_no_streams_gets_the_answer_alone() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await.without("accept");
    let client = client.with("accept", "application/json");
    server.on("tools/call", |heard| {
        Answer::events([progress(1), heard.result("{}")])
    });

    let reply = client.call("up__echo", "{}").await;

    assert_eq!(reply.text(), r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
}

#[tokio::test]
async fn a_large_answer_arrives_byte_for_byte_however_it_is_sent() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    let expect = |id: &str, size| {
        let asked = Heard::of(&call(id, "echo", "{}"));
        large(&asked, size)
    };

    type Send = fn(&Heard, usize) -> Answer;
    let ways: [(&str, Send); 4] = [
        ("with a length", |heard, size| {
            Answer::json(large(heard, size))
        }),
        ("in small chunks", |heard, size| {
            Answer::chunked(large(heard, size), 1000)
        }),
        ("in large chunks", |heard, size| {
            Answer::chunked(large(heard, size), 100_000)
        }),
        ("as an event", |heard, size| {
            Answer::events([large(heard, size)])
        }),
    ];
    for (way, send) in ways {
        for size in [60_000, 65_536, 70_000, 5 * MEBIBYTE] {
            server.on("tools/call", move |heard| send(heard, size));
            let reply = client.post(call("77", "up__echo", "{}")).await;
            assert_eq!(reply.header("content-type"), "application/json", "{way}");
            assert!(reply.body == expect("77", size), "{size} bytes {way}");
        }
    }
}

#[tokio::test]
async fn a_large_answer_streams_through_before_it_is_complete() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    let gate = Gate::default();
    let end = gate.clone();
    server.on("tools/call", move |heard| {
        let message = large(heard, MEBIBYTE);
        let (head, tail) = message.split_at(MEBIBYTE / 2);
        let head = Answer::chunked(head.to_owned(), 10_000).wait(&end);
        head.then(Answer::json(tail.to_owned()))
    });

    let posted = client.send(Method::POST, call("1", "up__echo", "{}")).await;

    // The head is here though the end has not been sent.
    assert_eq!(posted.status(), StatusCode::OK);
    gate.open();
    let body = posted.into_body().collect().await;
    let asked = Heard::of(&call("1", "echo", "{}"));
    assert!(body.unwrap().to_bytes() == large(&asked, MEBIBYTE));
}

#[tokio::test]
async fn a_large_request_arrives_byte_for_byte() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    let argument = "0123456789".repeat(MEBIBYTE / 2);

    client
        .call("up__echo", &format!(r#"{{"x":"{argument}"}}"#))
        .await;

    let heard = server.hears("tools/call").await;
    assert!(heard.body == call("1", "echo", &format!(r#"{{"x":"{argument}"}}"#)));
}

#[tokio::test]
async fn a_large_answer_that_breaks_off_is_not_taken_for_a_whole_one() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    server.on("tools/call", |heard| {
        let message = large(heard, MEBIBYTE);
        Answer::chunked(message[..MEBIBYTE / 2].to_owned(), 10_000).breaking()
    });

    let posted = client.send(Method::POST, call("1", "up__echo", "{}")).await;

    let body = posted.into_body().collect().await;
    assert!(body.is_err(), "the break is passed on");
}

#[tokio::test]
async fn on_a_pipe_too_a_large_answer_that_breaks_off_is_answered() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    server.on("tools/call", |heard| {
        let message = large(heard, MEBIBYTE);
        Answer::chunked(message[..MEBIBYTE / 2].to_owned(), 10_000).breaking()
    });
    let input = [
        initialize("2025-11-25"),
        request("1", "ping", "{}"),
        call("2", "up__echo", "{}"),
    ];

    let answers = gateway.pipe(&input).await;

    let answer = answers.iter().find(|answer| answer["id"] == 2);
    let error = &answer.expect("no answer")["error"];
    assert!(
        error["message"].as_str().unwrap().contains("`up`"),
        "{error}"
    );
}

#[tokio::test]
async fn a_large_answer_that_stops_coming_is_given_up_after_the_servers_timeout() {
    let server = HttpServer::with_tools(&["echo"]).await;
    server.on("tools/call", |heard| {
        let message = large(heard, MEBIBYTE);
        Answer::chunked(message[..MEBIBYTE / 2].to_owned(), 10_000).wait(&Gate::default())
    });
    let gateway = Gateway::start(&format!("{}timeout = \"1s\"\n", server.table("up"))).await;
    gateway.settled().await;
    let client = gateway.session().await;

    let posted = client.send(Method::POST, call("1", "up__echo", "{}")).await;
    let body = within("the end", posted.into_body().collect()).await;
    assert!(body.is_err(), "it cannot be told from a whole one");

    let input = [initialize("2025-11-25"), call("2", "up__echo", "{}")];
    let answers = gateway.pipe(&input).await;
    let error = &answers.iter().find(|answer| answer["id"] == 2).unwrap()["error"];
    assert_eq!(error["code"], -32001);
}

#[tokio::test]
async fn an_event_larger_than_a_message_may_be_is_an_error_that_names_the_server() {
    let server = HttpServer::with_tools(&["echo"]).await;
    server.on("tools/call", |heard| Answer::events([large(heard, 20_000)]));
    let limited = format!("[gateway]\nmax_message = 10000\n{}", server.table("up"));
    let gateway = Gateway::start(&limited).await;
    gateway.settled().await;

    let reply = gateway.session().await.call("up__echo", "{}").await;

    assert_eq!(reply.status, StatusCode::OK);
    let (_, words) = reply.error();
    assert!(
        words.contains("`up`") && words.contains("10000 bytes"),
        "{words}"
    );
}

#[tokio::test]
async fn a_merged_list_may_be_larger_than_a_message_of_a_server() {
    let names: Vec<String> = (0..200).map(|n| format!("{n:->40}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (one, other) = (
        HttpServer::with_tools(&names),
        HttpServer::with_tools(&names),
    );
    let (one, other) = tokio::join!(one, other);
    let tables = format!("{}{}", one.table("one"), other.table("other"));
    let gateway = Gateway::start(&format!("[gateway]\nmax_message = 25000\n{tables}")).await;
    gateway.settled().await;

    let mut client = gateway.stranger();
    client.initialize("2025-11-25").await;
    let listed = client.ask("tools/list", &serde_json::json!({})).await;

    let tools = listed["result"]["tools"].as_array().map(Vec::len);
    assert_eq!(tools, Some(400), "{:.200}", listed.to_string());
    assert!(listed.to_string().len() > 25_000);
}

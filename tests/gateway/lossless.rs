//! What the other side wrote arrives as it was written.

use http::StatusCode;

use crate::support::{Answer, Gateway, Heard, HttpServer, call, notification, request};

/// JSON that a decoder would not write again as it was.
const HOSTILE: &[&str] = &[
    r#"{}"#,
    r#" { "b" : 1 , "a" : [ ] } "#,
    r#"{"n":[1E+2,1e400,18446744073709551616,-0.0,0.7,1.10,-1e-999]}"#,
    r#"{"x":{"k":1,"k":2,"K":3},"y":[{"id":1,"id":1}]}"#,
    "{\"line\u{2028}separator\":\"\u{2029}\"}",
    "{\"astral\":\"\u{1F680}\u{10FFFF}\",\"escaped\":\"\\ud83d\\ude80\",\"lone\":\"\\ud800\"}",
    r#"{"slash":"\/","tab":"\t","nul":"\u0000","del":""}"#,
    r#"{"id":7,"method":"x","params":{"name":"y"},"result":null,"error":null}"#,
    r#"{"_meta":{"io.example/x":[null]},"unknown":{"deep":[[[[]]]]},"content":[{"type":"new"}]}"#,
];

const IDS: &[&str] = &[
    "1",
    "0",
    "-7",
    "1E+2",
    "1.50",
    "18446744073709551616",
    r#""""#,
    r#""1""#,
    r#""a\u0062\/\"\\""#,
    "\"\u{1F680}\"",
];

#[tokio::test]
async fn results_and_errors_are_passed_on_to_the_byte() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    type Send = fn(String) -> Answer;
    let ways: [Send; 3] = [
        |message| Answer::json(message),
        |message| Answer::chunked(message, 3),
        |message| Answer::events([message]),
    ];

    for text in HOSTILE {
        let error = format!(r#"{{"message":"no","data":{text},"code":-32099,"more":1.0}}"#);
        for way in ways {
            server.on("tools/call", move |heard| way(heard.result(text)));
            let reply = client.call("up__echo", "{}").await;
            let asked = Heard::of(&call("1", "", "{}"));
            assert_eq!(reply.text(), asked.result(text));

            let scripted = error.clone();
            server.on("tools/call", move |heard| way(heard.error(&scripted)));
            let reply = client.call("up__echo", "{}").await;
            assert_eq!(reply.status, StatusCode::OK);
            assert_eq!(reply.text(), asked.error(&error));
        }
    }
}

#[tokio::test]
async fn every_id_comes_back_as_it_was_spelt_and_all_else_is_the_servers() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    let around =
        |id: &str| format!("{{ \"result\" : {{}} ,\"x\":1,\"id\":{id} , \"jsonrpc\":\"2.0\"}}");

    for id in IDS {
        server.on("tools/call", move |heard| Answer::json(around(heard.id())));
        assert_eq!(
            client.post(call(id, "up__echo", "{}")).await.text(),
            around(id)
        );
        // Servers that decode and encode spell it their own way; some cannot and say null.
        for theirs in ["null", "1e0", r#""other""#] {
            server.on("tools/call", move |_| Answer::json(around(theirs)));
            let reply = client.post(call(id, "up__echo", "{}")).await;
            assert_eq!(reply.text(), around(id), "{theirs}");
        }
        assert_eq!(server.heard_of("tools/call").last().unwrap().id(), *id);
        let here = client.post(request(id, "ping", "{}")).await;
        assert_eq!(
            here.text(),
            format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#)
        );
    }
}

#[tokio::test]
async fn a_request_reaches_the_server_to_the_byte_but_for_the_name() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    let mut bodies = vec![
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"NAME"}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":null,"name":"NAME"}}"#.to_owned(),
        "\n{ \"params\" : {\"_meta\":{\"progressToken\":1e1,\"x\":[]}, \"name\":\r\n\"NAME\" ,\"task\":{\"ttl\":1.0}},\t\"method\":\"tools/call\",\"id\":\"\\u0061\",\"jsonrpc\":\"2.0\",\"more\":0} ".to_owned(),
    ];
    bodies.extend(HOSTILE.iter().map(|text| call("1", "NAME", text)));

    for body in bodies {
        let heard = server.heard_of("tools/call").len();
        let reply = client.post(body.replace("NAME", "up__echo")).await;
        assert_eq!(reply.status, StatusCode::OK, "{body}");
        let heard = &server.heard_of("tools/call")[heard];
        assert_eq!(heard.text(), body.replace("NAME", "echo"));
    }
}

#[tokio::test]
async fn an_escaped_name_is_found_and_only_the_name_is_replaced() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;

    let name = r"\u0075p__\u0065cho";
    client.call(name, r#"{"name":"up__echo"}"#).await;

    let heard = server.hears("tools/call").await;
    assert_eq!(heard.text(), call("1", "echo", r#"{"name":"up__echo"}"#));
}

#[tokio::test]
async fn a_name_reaches_its_server_in_the_servers_own_spelling() {
    let server = HttpServer::with_tools(&[]).await;
    server.offer(
        "tools/list",
        &[r#"{"inputSchema":{"type":"object"},"name":"g\u0065t.\/x"}"#],
    );
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    assert_eq!(client.list("tools").await, ["up__get__x"]);

    client.call("up__get__x", "{}").await;

    let heard = server.hears("tools/call").await;
    assert_eq!(heard.text(), call("1", r"g\u0065t.\/x", "{}"));
}

#[tokio::test]
async fn a_listed_item_is_as_its_server_wrote_it_but_for_the_name() {
    let server = HttpServer::with_tools(&[]).await;
    let items: Vec<String> = HOSTILE
        .iter()
        .enumerate()
        .map(|(number, text)| {
            format!("{{ \"x\":{text}, \"inputSchema\" : {{\"type\":\"object\"}},\"name\":\"N{number}\" }}")
        })
        .collect();
    server.offer("tools/list", &items);
    let gateway = Gateway::of(&[("up", &server)]).await;

    let reply = gateway.session().await.request("tools/list", "{}").await;

    let expected = items.join(",").replace("\"N", "\"up__N");
    let expected = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":[{expected}]}}}}"#);
    assert_eq!(reply.text(), expected);
}

#[tokio::test]
async fn notifications_are_passed_on_to_the_byte() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    client.call("up__echo", "{}").await;
    let session = server.hears("tools/call").await.session().to_owned();
    let mut stream = client.listen().await;

    for text in HOSTILE {
        for method in ["notifications/message", "notifications/io.example/unknown"] {
            let message = notification(method, text);
            server.push(&session, &message).await;
            assert_eq!(stream.data().await, message);
            let scripted = message.clone();
            server.on("tools/call", move |heard| {
                Answer::events([scripted.clone(), heard.result("{}")])
            });
            let events = client.call("up__echo", "{}").await.events();
            assert_eq!(events[0].data, message);
        }
    }
}

#[tokio::test]
async fn prompts_resources_and_completions_pass_as_they_are() {
    let server = HttpServer::with_tools(&[]).await;
    server.offer("prompts/list", &[r#"{"name":"p"}"#]);
    server.offer("resources/list", &[r#"{"uri":"x://a","name":"a"}"#]);
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    let result = r#"{ "completion":{"values":["1E+2"],"total":1.0},"messages":[],"contents":[]}"#;

    for (method, sent, heard) in [
        (
            "prompts/get",
            r#"{"name":"up__p", "arguments":{"a":"\u0062"}}"#,
            r#"{"name":"p", "arguments":{"a":"\u0062"}}"#,
        ),
        (
            "resources/read",
            r#"{ "uri":"x:\/\/a","y":1.0}"#,
            r#"{ "uri":"x:\/\/a","y":1.0}"#,
        ),
        (
            "completion/complete",
            r#"{"argument":{"name":"up__p","value":""},"ref":{"name":"up__p","type":"ref/prompt"},"context":{}}"#,
            r#"{"argument":{"name":"up__p","value":""},"ref":{"name":"p","type":"ref/prompt"},"context":{}}"#,
        ),
        (
            "completion/complete",
            r#"{"ref":{"type":"ref/resource","uri":"x://a"},"argument":{"name":"n","value":"v"}}"#,
            r#"{"ref":{"type":"ref/resource","uri":"x://a"},"argument":{"name":"n","value":"v"}}"#,
        ),
    ] {
        server.on(method, move |heard| Answer::result(heard, result));
        let reply = client.request(method, sent).await;
        assert_eq!(
            reply.text(),
            format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#)
        );
        let last = server.heard_of(method).pop().unwrap();
        assert_eq!(last.text(), request("1", method, heard));
    }
}

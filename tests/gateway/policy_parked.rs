//! Calls and tasks that outlive a request are judged by what their caller may do now.

use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Answer, Client, Gate, Gateway, Heard, HttpServer, Modern, key, request};

const CAN: &str = r#"{"elicitation":{}}"#;
const POLICY: &str = "
    [trusted_headers]
    keys = ['chat']
    [roles.all]
    allow = ['*']
    [roles.none]
    allow = ['up/other']
    [roles.careful]
    allow = [{ target = 'up/ask', when = \"args.path == '/srv'\" }]
    [limits.one]
    concurrent = 1
    each = ['caller']
";

/// A server whose tool `ask` asks the client before it answers, and keeps the call meanwhile.
async fn asking() -> HttpServer {
    let server = HttpServer::with_tools(&["ask", "other"]).await;
    let answered = Gate::default();
    let open = answered.clone();
    server.on("tools/call", move |heard: &Heard| {
        if heard.param("name") == "other" {
            return Answer::result(heard, r#"{"content":[]}"#);
        }
        let asked = request("7", "elicitation/create", "{}");
        let done = Answer::events([heard.result(r#"{"content":[]}"#)]);
        Answer::events([asked]).wait(&open).then(done)
    });
    server.on("", move |heard: &Heard| {
        if heard.id() == "7" {
            answered.open();
        }
        Answer::status(202)
    });
    server
}

async fn gateway(server: &HttpServer) -> Gateway {
    let second = server.table("second");
    let tables = [server.table("up"), second].concat();
    let policy = [&key("chat", ""), POLICY].concat();
    let gateway = Gateway::with_policy(&tables, &policy).await;
    gateway.settled().await;
    gateway
}

fn client(gateway: &Gateway, role: &str, id: &str) -> Client {
    gateway.client().holding("chat").asking_for(id, role)
}

fn modern(gateway: &Gateway, role: &str, id: &str) -> Modern {
    Modern::new(client(gateway, role, id)).capable(CAN)
}

/// Parks a call of `up__ask`; gives the state and the answers that would resume it.
async fn park(client: &Modern, arguments: &str) -> (Value, String) {
    let reply = client.call("up__ask", arguments).await;
    let result = reply.answer()["result"].clone();
    assert_eq!(result["resultType"], "input_required", "{}", reply.text());
    let asked = result["inputRequests"].as_object().unwrap();
    let answers = asked
        .keys()
        .map(|key| (key.clone(), json!({"action": "accept"})));
    let answers: serde_json::Map<_, _> = answers.collect();
    (
        result["requestState"].clone(),
        Value::from(answers).to_string(),
    )
}

fn answers_heard(server: &HttpServer) -> usize {
    let heard = server.heard();
    heard
        .iter()
        .filter(|heard| heard.method().is_empty() && heard.id() == "7")
        .count()
}

#[tokio::test]
async fn who_comes_back_with_the_right_has_its_answer() {
    let server = asking().await;
    let gateway = gateway(&server).await;
    let all = modern(&gateway, "all", "u");
    let (state, answers) = park(&all, "{}").await;
    let reply = all.retry("up__ask", "{}", &answers, &state).await;
    assert_eq!(
        reply.answer()["result"]["resultType"],
        "complete",
        "{}",
        reply.text()
    );
    assert_eq!(answers_heard(&server), 1);
}

#[tokio::test]
async fn who_has_lost_the_right_meanwhile_does_not_go_on() {
    let server = asking().await;
    let gateway = gateway(&server).await;
    let (state, answers) = park(&modern(&gateway, "all", "u"), "{}").await;
    let lesser = modern(&gateway, "none", "u");
    let refused = lesser.retry("up__ask", "{}", &answers, &state).await;
    assert_eq!(
        refused.error(),
        (-32602, "unknown tool `up__ask`".to_owned())
    );
    let unmapped = modern(&gateway, "nobody", "u");
    let refused = unmapped.retry("up__ask", "{}", &answers, &state).await;
    assert_eq!(refused.error().1, "the role `nobody` does not exist");
    assert_eq!(answers_heard(&server), 0);
    let again = modern(&gateway, "all", "u");
    let reply = again.retry("up__ask", "{}", &answers, &state).await;
    assert!(
        reply.answer()["result"].is_object(),
        "who is refused ends nothing"
    );
}

#[tokio::test]
async fn a_condition_is_asked_about_the_arguments_that_the_server_works_on() {
    let server = asking().await;
    let gateway = gateway(&server).await;
    let (state, answers) = park(&modern(&gateway, "all", "u"), r#"{"path":"/etc"}"#).await;
    let careful = modern(&gateway, "careful", "u");
    let refused = careful
        .retry("up__ask", r#"{"path":"/srv"}"#, &answers, &state)
        .await;
    assert_eq!(refused.error().0, -32602, "{}", refused.text());
    assert_eq!(answers_heard(&server), 0);
}

#[tokio::test]
async fn a_state_is_good_for_its_caller_and_its_path_alone() {
    let server = asking().await;
    let gateway = gateway(&server).await;
    let all = modern(&gateway, "all", "u");
    let (state, answers) = park(&all, "{}").await;
    let other = modern(&gateway, "all", "other");
    let elsewhere = client(&gateway, "all", "u").at("/v/none/mcp");
    assert_eq!(elsewhere.post("{}").await.status, StatusCode::NOT_FOUND);
    for thief in [other] {
        let reply = thief.retry("up__ask", "{}", &answers, &state).await;
        let words = "invalid params: `requestState` is not known, or has expired";
        assert_eq!(reply.error(), (-32602, words.to_owned()));
    }
    assert_eq!(answers_heard(&server), 0);
    let own = all.retry("up__ask", "{}", &answers, &state).await;
    assert!(own.answer()["result"].is_object(), "{}", own.text());
}

#[tokio::test]
async fn a_call_of_one_server_is_not_resumed_by_the_path_of_another() {
    let server = asking().await;
    let gateway = gateway(&server).await;
    let at = |path: &str| Modern::new(client(&gateway, "all", "u").at(path)).capable(CAN);
    let parked = at("/s/up/mcp").call("ask", "{}").await.answer()["result"].clone();
    let state = &parked["requestState"];
    let reply = at("/s/second/mcp").retry("ask", "{}", "{}", state).await;
    assert!(reply.error().1.contains("requestState"), "{}", reply.text());
    let again = at("/s/up/mcp").retry("ask", "{}", "{}", state).await;
    assert_eq!(again.answer()["result"]["resultType"], "input_required");
}

#[tokio::test]
async fn a_parked_call_takes_room_until_it_is_over() {
    let server = asking().await;
    let gateway = gateway(&server).await;
    let all = modern(&gateway, "all", "u");
    let (state, answers) = park(&all, "{}").await;
    let refused = all.call("up__other", "{}").await.answer();
    assert_eq!(refused["error"]["data"]["limit"], "one");
    let done = all.retry("up__ask", "{}", &answers, &state).await;
    assert!(done.answer()["result"].is_object(), "{}", done.text());
    let next = all.call("up__other", "{}").await;
    assert!(next.answer()["result"].is_object(), "{}", next.text());
}

#[tokio::test]
async fn a_task_is_there_for_who_may_still_use_the_tool_that_made_it() {
    let server = HttpServer::with_tools(&["ask", "other"]).await;
    server.on("tools/call", |heard: &Heard| {
        Answer::json(heard.result(r#"{"task":{"taskId":"t-1","status":"working"}}"#))
    });
    let gateway = gateway(&server).await;
    let all = client(&gateway, "all", "u").open().await;
    let task = r#"{"name":"up__ask","arguments":{},"task":{}}"#;
    assert!(all.request("tools/call", task).await.answer()["result"].is_object());
    let about = r#"{"taskId":"t-1"}"#;
    let as_role = |role: &str| client(&gateway, role, "u").with("mcp-session-id", all.session());
    for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
        let lost = as_role("none").request(method, about).await;
        let invented = as_role("none").request(method, r#"{"taskId":"t-2"}"#).await;
        assert_eq!(lost.error(), (-32602, "unknown task `t-1`".to_owned()));
        assert_eq!(lost.text().replace("t-1", "t-2"), invented.text());
        assert_eq!(server.heard_of(method).len(), 0);
        assert!(as_role("all").request(method, about).await.answer()["result"].is_object());
    }
}

#[tokio::test]
async fn an_attempt_to_go_on_that_is_refused_leaves_its_line_of_the_audit() {
    let server = asking().await;
    let tables = format!("[audit]\nfile = \"audit.jsonl\"\n{}", server.table("up"));
    let policy = [&key("chat", ""), POLICY].concat();
    let gateway = Gateway::with_policy(&tables, &policy).await;
    gateway.settled().await;
    let (state, answers) = park(&modern(&gateway, "all", "u"), "{}").await;

    let lesser = modern(&gateway, "none", "u");
    lesser.retry("up__ask", "{}", &answers, &state).await;

    let lines = gateway.audited().await;
    let refused = lines.iter().find(|line| line["outcome"] == "refused");
    let refused = refused.unwrap_or_else(|| panic!("none refused: {lines:?}"));
    assert_eq!(
        (&refused["role"], &refused["stage"]),
        (&"none".into(), &"authorise".into())
    );
}

//! `call`.

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
};

use serde_json::{Map, Value};

use super::{CliError, client::Client, list, log};
use crate::{
    config::Config,
    mcp::{Frame, Method, fields, message},
};

/// Reads the arguments of a tool: one JSON object, or pairs. A value that is JSON is taken as
/// such, any other as text.
///
/// # Errors
/// When they are neither.
pub(super) fn arguments(words: &[String]) -> Result<Option<String>, CliError> {
    if let [only] = words
        && only.trim_start().starts_with('{')
    {
        let parsed: Result<Map<String, Value>, _> = serde_json::from_str(only);
        return match parsed {
            Ok(_) => Ok(Some(only.clone())),
            Err(error) => Err(CliError::Usage(format!(
                "the arguments are not JSON: {error}"
            ))),
        };
    }
    let mut pairs = Map::new();
    for word in words {
        let Some((key, value)) = word.split_once('=') else {
            let hint = "arguments are one JSON object, or key=value pairs";
            return Err(CliError::Usage(format!("`{word}`: {hint}")));
        };
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        pairs.insert(key.to_owned(), value);
    }
    Ok((!pairs.is_empty()).then(|| message::json(&pairs)))
}

pub(super) async fn run(
    config: Config,
    name: &str,
    arguments: Option<String>,
    json: bool,
) -> Result<ExitCode, CliError> {
    let mut client = Client::start(&config).await?;
    let mut params = format!(r#"{{"name":{}"#, message::json(&name));
    if let Some(arguments) = arguments {
        params.push_str(&format!(r#","arguments":{arguments}"#));
    }
    params.push_str(r#","_meta":{"progressToken":1}}"#);
    let live = std::io::stderr().is_terminal();
    let answered = client
        .ask(Method::ToolsCall, &params, |frame| meanwhile(frame, live))
        .await;
    let (missing, is_remote) = (list::missing(&client), client.is_remote());
    client.stop().await;
    if is_remote && answered.is_err() && !missing.is_empty() {
        // That there is no such tool nobody knows who has not come in.
        return Err(CliError::Answer(missing.join("\n")));
    }
    if answered.is_err() {
        missing.iter().for_each(|words| log::say(words));
    }
    let result = answered?;
    let failed = fields::field(&result, "isError") == Some("true");
    match json {
        true => log::print(&result)?,
        false => log::print(&text(&result))?,
    }
    Ok(if failed {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}

/// Shows progress and log messages to the person who waits.
fn meanwhile(frame: &Frame, live: bool) {
    if !live {
        return;
    }
    let params = frame.params().unwrap_or_default();
    let text = |key| {
        fields::field(params, key)
            .and_then(fields::string)
            .unwrap_or_default()
    };
    let words = match frame.method() {
        Some(Method::Progress) => {
            let done = fields::field(params, "progress").unwrap_or("?");
            let of = fields::field(params, "total").map(|total| format!("/{total}"));
            format!("{done}{} {}", of.unwrap_or_default(), text("message"))
        }
        Some(Method::Message) => {
            format!(
                "{}: {}",
                text("level"),
                fields::field(params, "data").unwrap_or_default()
            )
        }
        _ => return,
    };
    // Progress that cannot be shown is no reason to fail.
    drop(writeln!(std::io::stderr(), "… {words}"));
}

/// A result as a person reads it.
fn text(result: &str) -> String {
    let items = fields::items(fields::field(result, "content").unwrap_or("[]"));
    let blocks: Vec<String> = items.unwrap_or_default().into_iter().map(block).collect();
    match (
        blocks.is_empty(),
        fields::field(result, "structuredContent"),
    ) {
        (true, Some(structured)) => structured.to_owned(),
        (true, None) => result.to_owned(),
        (false, _) => blocks.join("\n"),
    }
}

fn block(item: &str) -> String {
    let text = |key| fields::field(item, key).and_then(fields::string);
    let size =
        |key| fields::field(item, key).map_or(0, |data| data.len().saturating_sub(2) * 3 / 4);
    match text("type").as_deref() {
        Some("text") => text("text").unwrap_or_default().into_owned(),
        Some(kind @ ("image" | "audio")) => {
            let mime = text("mimeType").unwrap_or_default();
            format!("[{kind} {mime}, {} bytes; --json shows them]", size("data"))
        }
        Some("resource_link") => format!("[resource {}]", text("uri").unwrap_or_default()),
        Some("resource") => {
            let inner = fields::field(item, "resource").unwrap_or("{}");
            let part = |key| fields::field(inner, key).and_then(fields::string);
            let uri = part("uri").unwrap_or_default();
            match part("text") {
                Some(text) => format!("[resource {uri}]\n{text}"),
                None => format!("[resource {uri}; --json shows it]"),
            }
        }
        _ => item.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Option<Option<String>> {
        arguments(
            &words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>(),
        )
        .ok()
    }

    #[test]
    fn arguments_are_json_or_pairs() {
        let expected = Some(Some(r#"{"a":2,"b":"x y","c":[1]}"#.to_owned()));
        assert_eq!(read(&["a=2", "b=x y", "c=[1]"]), expected);
        assert_eq!(
            read(&[r#"{"a": 1e400}"#]),
            None,
            "not a number that JSON readers take"
        );
        assert_eq!(read(&[r#"{"a": 1}"#]), Some(Some(r#"{"a": 1}"#.to_owned())));
        assert_eq!(read(&[]), Some(None), "no arguments stay no arguments");
        assert_eq!(read(&["a"]), None);
        assert_eq!(read(&["{"]), None);
    }

    #[test]
    fn every_kind_of_content_is_shown() {
        let result = r#"{"content":[{"type":"text","text":"hi"},{"type":"image","mimeType":"image/png","data":"AAAA"},{"type":"resource","resource":{"uri":"x://y","text":"body"}},{"type":"new","z":1}]}"#;
        let expected = "hi\n[image image/png, 3 bytes; --json shows them]\n[resource x://y]\nbody\n{\"type\":\"new\",\"z\":1}";
        assert_eq!(text(result), expected);
    }
}

//! One server of a client's file, key by key.

use std::path::Path;

use super::{Around, Entry, Fate, Remark, find::Server, keys, values, variables};
use crate::clients::{
    OURS, Syntax,
    file::{Member, Mistake, Node, Value},
};

/// What is being made of a server.
pub(super) struct Making<'a> {
    pub(super) around: Around<'a>,
    syntax: Syntax,
    entry: Entry,
}

/// The server in our words.
///
/// # Errors
/// When it is no table.
pub(super) fn translated(
    server: &Server<'_>,
    (around, syntax): (Around<'_>, Syntax),
) -> Result<Entry, Mistake> {
    let node = &server.member.node;
    let members = node.members().ok_or_else(|| Mistake {
        at: node.span.start,
        message: format!("`{}`: expected a table", server.member.name),
    })?;
    let mut making = Making {
        around,
        syntax,
        entry: Entry {
            name: String::new(),
            written: server.member.name.clone(),
            at: server.member.at.clone(),
            span: node.span.clone(),
            members: Vec::new(),
            unknown: Vec::new(),
            left_out: Vec::new(),
            comments: Vec::new(),
            said: Vec::new(),
            fate: Fate::Taken,
        },
    };
    for member in members {
        making.take(member);
    }
    making.finish(server);
    Ok(making.entry)
}

impl Making<'_> {
    fn take(&mut self, member: &Member) {
        match (member.name.as_str(), &member.node.value) {
            (_, Value::Null) => {}
            ("command", Value::Table(_)) => {
                // Zed had it so first.
                for inner in member.node.members().unwrap_or_default() {
                    match inner.name.as_str() {
                        "path" => values::command(self, inner),
                        _ => self.take(inner),
                    }
                }
            }
            ("command", _) => values::command(self, member),
            ("cwd", _) => values::folder(self, member),
            ("args", _) => values::list(self, member),
            ("env" | "headers", _) => values::table(self, member),
            ("url" | "serverUrl" | "httpUrl", _) => values::url(self, member),
            ("type" | "transport" | "transportType", _) => values::transport(self, member),
            ("disabled", Value::Bool(true)) | ("enabled", Value::Bool(false)) => {
                self.put("disabled", member, Value::Bool(true));
            }
            ("disabled" | "enabled", Value::Bool(_)) => {}
            ("description", Value::Text(words)) => {
                let lines = words.lines().map(|line| line.trim().to_owned());
                self.entry.comments.extend(lines);
            }
            ("timeout", Value::Text(_)) => self.put("timeout", member, member.node.value.clone()),
            ("timeout", Value::Number(ms)) if self.syntax == Syntax::Yaml => {
                self.put("timeout", member, Value::Text(milliseconds(ms)));
            }
            ("initTimeout", Value::Number(ms)) => {
                self.put("connect_timeout", member, Value::Text(milliseconds(ms)));
            }
            ("source", Value::Text(source)) if source == "custom" => {}
            (key, value) if keys::OURS.contains(&key) => self.put(key, member, value.clone()),
            (key, _) => match keys::foreign(key) {
                Some(words) => self.leave_out(member.at.start, key, words),
                None => self.entry.unknown.push(member.clone()),
            },
        }
    }

    /// What only all keys together tell.
    fn finish(&mut self, server: &Server<'_>) {
        let has = |entry: &Entry, key: &str| entry.get(key).is_some();
        if server.disabled && !has(&self.entry, "disabled") {
            self.put("disabled", server.member, Value::Bool(true));
        }
        let launched = has(&self.entry, "command");
        if let (true, false, Some(project)) =
            (launched, has(&self.entry, "cwd"), self.around.project)
        {
            let folder = project.display().to_string();
            self.put("cwd", server.member, Value::Text(folder));
        }
        // LibreChat launches such a server for each user.
        let of_users = |node: &Node| node.plain().is_some_and(|text| text.contains("{{caller."));
        let env = self
            .entry
            .get("env")
            .and_then(Node::members)
            .unwrap_or_default();
        if env.iter().any(|variable| of_users(&variable.node)) && !has(&self.entry, "scope") {
            self.put("scope", server.member, Value::Text("user".to_owned()));
        }
        if self.is_ours() {
            self.entry.fate = Fate::Ours;
        } else if !launched && !has(&self.entry, "url") && self.entry.fate == Fate::Taken {
            let is_extension = server.member.node.get("settings").is_some();
            let words = match is_extension {
                true => "an extension of the editor brings the program; only the editor has it",
                false => return, // the loader says that `command` and `url` are missing
            };
            self.refuse(server.member.at.start, "", words);
        }
    }

    /// Whether it is this gateway, as `mcpgate install` writes it, or somebody by hand.
    fn is_ours(&self) -> bool {
        let command = self.entry.get("command").and_then(Node::text);
        let program = command.and_then(|command| Path::new(command).file_stem());
        let args = self.entry.get("args").map(Node::items).unwrap_or_default();
        let serves = args.iter().any(|argument| argument.text() == Some("stdio"));
        self.entry.written == OURS || (program.is_some_and(|name| name == OURS) && serves)
    }

    /// Takes a value under a name of ours, unless there is one already.
    pub(super) fn put(&mut self, key: &str, member: &Member, value: Value) {
        if self.entry.get(key).is_some() {
            let words = format!("`{key}` is said twice, and the first counts");
            return self.leave_out(member.at.start, &member.name, &words);
        }
        self.entry.members.push(Member {
            name: key.to_owned(),
            at: member.at.clone(),
            node: Node {
                span: member.node.span.clone(),
                value,
            },
        });
    }

    pub(super) fn leave_out(&mut self, at: usize, what: &str, words: &str) {
        self.entry.left_out.push(remark(at, what, words));
    }

    /// The server cannot be served at all; the first reason is told.
    pub(super) fn refuse(&mut self, at: usize, what: &str, words: &str) {
        if self.entry.fate == Fate::Taken {
            self.entry.fate = Fate::Refused(remark(at, what, words));
        }
    }

    /// A text in our words.
    pub(super) fn ours(&self, text: &str) -> Result<String, String> {
        let text = variables::ours(text, self.around)?;
        Ok(match self.syntax {
            Syntax::Yaml => variables::caller(&text),
            Syntax::Json => text,
        })
    }
}

/// `60000` is `60s`.
fn milliseconds(written: &str) -> String {
    match written.strip_suffix("000") {
        Some(seconds) if !seconds.is_empty() => format!("{seconds}s"),
        Some(_) | None => format!("{written}ms"),
    }
}

fn remark(at: usize, what: &str, words: &str) -> Remark {
    Remark {
        at,
        what: what.to_owned(),
        words: words.to_owned(),
    }
}

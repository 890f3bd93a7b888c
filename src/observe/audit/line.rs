//! The line of one call: JSON, written by hand into a buffer that is used again.
//!
//! Texts may come from anybody. Whatever they hold, a line stays one line: for JSON, for `grep`,
//! for tools that take U+2028 for a line end, and on a terminal.

use std::{
    io::{self, Write},
    time::SystemTime,
};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::{
    entry::{Entry, LONGEST, shortened},
    recent::{Clock, Home},
    redact,
    shown::Shown,
};
use crate::call::{KeyName, RoleName, ServerName};

/// A key with what stands around it, so that it is copied at once.
macro_rules! key {
    ($name:literal) => {
        concat!(",\"", $name, "\":")
    };
}
pub(super) use key;

/// What is known of a call at its end.
pub(super) enum Known<'a> {
    /// All that there is to know; of `arguments` only the size, if that says so.
    Entry {
        entry: &'a Entry,
        shown: &'a Shown,
        arguments: bool,
    },
    /// Whoever held its slot lost it.
    Lost,
}

/// Appends the line of one call: its request's id, when it came in, and what is known of it.
pub(super) fn write(
    out: &mut Vec<u8>,
    (request, time): (u64, SystemTime),
    known: &Known<'_>,
    (clock, home): (&mut Clock, &mut Home),
) {
    out.extend_from_slice(b"{\"time\":\"");
    clock.write(out, time);
    out.push(b'"');
    let mut line = Line(out);
    line.number(key!("request"), request);
    match known {
        Known::Entry {
            entry,
            shown,
            arguments,
        } => line.entry(entry, arguments.then_some(shown), home),
        Known::Lost => {
            line.text(key!("outcome"), "lost");
            line.text(
                key!("reason"),
                "the gateway did not record how the call ended",
            );
        }
    }
    out.extend_from_slice(b"}\n");
}

struct Line<'a>(&'a mut Vec<u8>);

impl Line<'_> {
    fn entry(&mut self, entry: &Entry, shown: Option<&&Shown>, home: &mut Home) {
        let caller = &entry.caller;
        self.text(key!("caller"), &caller.name);
        let role = caller.standing.role().map(RoleName::as_str);
        self.optional(key!("role"), role);
        self.optional(key!("key"), caller.key.as_ref().map(KeyName::as_str));
        if let Some(address) = caller.address {
            self.key(key!("address"));
            self.0.extend_from_slice(home.text(address).as_bytes());
        }
        self.text(key!("method"), &entry.method);
        let server = entry.server.as_ref().map(ServerName::as_str);
        self.optional(key!("server"), server);
        let subject = entry.subject.as_ref().map(|subject| subject.parts());
        if let Some((kind, name)) = subject {
            self.text(kind, name);
        }
        let decision = match entry.refusal {
            Some(_) => "refused",
            None => "allowed",
        };
        self.text(key!("decision"), decision);
        self.optional(key!("rule"), entry.rule.as_deref());
        if let Some(refusal) = &entry.refusal {
            self.text(key!("stage"), refusal.stage.name());
            self.text(key!("reason"), &refusal.words);
        }
        self.text(key!("outcome"), entry.outcome.name());
        let microseconds = u64::try_from(entry.duration.as_micros());
        self.number(key!("microseconds"), microseconds.unwrap_or(u64::MAX));
        self.number(key!("bytes_in"), entry.bytes_in);
        self.number(key!("bytes_out"), entry.bytes_out);
        if let Some(raw) = &entry.arguments {
            let name = subject.map_or("", |(_, name)| name);
            self.key(key!("arguments"));
            match shown {
                Some(shown) => {
                    let shown = shown.of(server.unwrap_or_default(), name);
                    redact::arguments(self.0, raw, &shown);
                }
                None => redact::hidden(self.0, raw.len()),
            }
        }
    }

    fn key(&mut self, key: &'static str) {
        self.0.extend_from_slice(key.as_bytes());
    }

    fn text(&mut self, key: &'static str, text: &str) {
        self.key(key);
        match shortened(text, LONGEST) {
            Some(short) => string(self.0, &short),
            None => string(self.0, text),
        }
    }

    fn optional(&mut self, key: &'static str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(key, text);
        }
    }

    fn number(&mut self, key: &'static str, number: u64) {
        self.key(key);
        drop(serde_json::to_writer(&mut *self.0, &number));
    }
}

/// Appends a text as a JSON string.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    let is_plain = |byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
    // To the end, though the first may decide: so the compiler looks at many bytes at once.
    if text.bytes().fold(true, |all, byte| all & is_plain(byte)) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return;
    }
    let json = &mut Serializer::with_formatter(out, OneLine);
    drop(text.serialize(json));
}

/// Whether a character that JSON allows in a string would break a line, or turn it around.
pub(super) fn breaks_a_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Escapes what JSON would let pass and a reader of lines would not.
struct OneLine;

impl Formatter for OneLine {
    fn write_string_fragment<W: Write + ?Sized>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| breaks_a_line(*c)) {
            let (before, after) = rest.split_at(at);
            out.write_all(before.as_bytes())?;
            write!(out, "\\u{:04x}", u32::from(c))?;
            rest = after.get(c.len_utf8()..).unwrap_or_default();
        }
        out.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, sync::Arc, time::Duration};

    use jiff::Timestamp;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::{
        call::{Caller, Identity, Standing, Who},
        observe::{
            Outcome,
            audit::{Refused, Subject},
        },
        refusal::Stage,
    };

    fn line(entry: Option<&Entry>) -> String {
        let time: Timestamp = "2026-03-04T05:06:07.008999Z".parse().unwrap();
        let config = [("files/*".to_owned(), vec!["path".to_owned()])];
        let shown = &Shown::new(&config.into());
        let known = entry.map_or(Known::Lost, |entry| Known::Entry {
            entry,
            shown,
            arguments: true,
        });
        let mut out = Vec::new();
        let kept = (&mut Clock::default(), &mut Home::default());
        write(&mut out, (17, time.into()), &known, kept);
        String::from_utf8(out).unwrap()
    }

    fn alice(name: Arc<str>) -> Caller {
        let key: KeyName = "alice".to_owned().try_into().unwrap();
        let role = "analyst".to_owned().try_into().unwrap();
        let who = Who {
            name,
            key: Some(key.clone()),
            ..Who::of(Identity::Key(key), Standing::Role(role))
        };
        let address = "::ffff:192.168.1.7".parse::<IpAddr>().unwrap();
        Caller::new(who.into(), Some(address))
    }

    fn full() -> Entry {
        let mut entry = Entry::new(alice("key:alice".into()), "tools/call");
        entry.server = Some("files".to_owned().try_into().unwrap());
        entry.subject = Some(Subject::Tool("read_file".into()));
        entry.rule = Some("policies/team.toml:2 allow = \"files/read_*\"".into());
        entry.outcome = Outcome::Ok;
        entry.duration = Duration::from_micros(1234);
        entry.bytes_in = 180;
        entry.bytes_out = 4096;
        entry.arguments = Some(r#"{"path": "/srv/a", "token": "hunter2"}"#.into());
        entry
    }

    #[test]
    fn a_call_that_was_allowed() {
        insta::assert_snapshot!(line(Some(&full())), @r#"{"time":"2026-03-04T05:06:07.008Z","request":17,"caller":"key:alice","role":"analyst","key":"alice","address":"192.168.1.7","method":"tools/call","server":"files","tool":"read_file","decision":"allowed","rule":"policies/team.toml:2 allow = \"files/read_*\"","outcome":"ok","microseconds":1234,"bytes_in":180,"bytes_out":4096,"arguments":{"path":"/srv/a","token":"*** (9 bytes)"}}"#);
    }

    #[test]
    fn a_call_that_was_refused() {
        let who = Who::of(Identity::Anonymous, Standing::Everything);
        let mut entry = Entry::new(Caller::new(who.into(), None), "prompts/get");
        entry.subject = Some(Subject::Prompt("x".into()));
        entry.outcome = Outcome::Refused;
        entry.refusal = Some(Refused {
            stage: Stage::Route,
            words: "unknown prompt `x`".into(),
        });
        insta::assert_snapshot!(line(Some(&entry)), @r#"{"time":"2026-03-04T05:06:07.008Z","request":17,"caller":"anonymous","method":"prompts/get","prompt":"x","decision":"refused","stage":"route","reason":"unknown prompt `x`","outcome":"refused","microseconds":0,"bytes_in":0,"bytes_out":0}"#);
    }

    #[test]
    fn a_call_whose_record_was_lost() {
        insta::assert_snapshot!(line(None), @r#"{"time":"2026-03-04T05:06:07.008Z","request":17,"outcome":"lost","reason":"the gateway did not record how the call ended"}"#);
    }

    /// What any text may hold, and what breaks lines more often than chance would have it.
    fn text() -> impl Strategy<Value = Arc<str>> {
        let nasty = "[\\x00-\\x1f\"\\\\\u{7f}\u{85}\u{2028}\u{2029}\u{202e}\u{2066}é😀a]{0,12}";
        prop_oneof![nasty.prop_map_into(), ".{0,20}".prop_map_into()]
    }

    proptest! {
        #[test]
        fn a_line_is_one_line_and_json_whatever_the_names(
            [caller, rule, words, name] in [text(), text(), text(), text()],
            arguments in any::<Vec<(String, String)>>(),
            microseconds in any::<u64>(),
        ) {
            let mut entry = full();
            entry.caller = alice(caller.clone());
            entry.rule = Some(rule.clone());
            entry.refusal = Some(Refused { stage: Stage::Accept, words: words.clone() });
            entry.subject = Some(Subject::Tool(name.clone()));
            entry.method = name.to_string().into();
            entry.duration = Duration::from_micros(microseconds);
            let arguments: serde_json::Map<String, Value> =
                arguments.into_iter().map(|(key, value)| (key, Value::String(value))).collect();
            entry.arguments = Some(serde_json::to_vec(&arguments).unwrap().into());

            let line = line(Some(&entry));
            prop_assert!(line.ends_with('\n'));
            prop_assert_eq!(line.chars().filter(|c| breaks_a_line(*c)).count(), 1);
            let value: Value = serde_json::from_str(&line).unwrap();
            for (key, text) in [
                ("caller", &caller), ("rule", &rule), ("reason", &words),
                ("tool", &name), ("method", &name),
            ] {
                prop_assert_eq!(value[key].as_str(), Some(&**text));
            }
            prop_assert_eq!(value["microseconds"].as_u64(), Some(microseconds));
        }
    }
}

//! Who may know whom: the modules of `src`, from what is known to all up to what knows all.
//!
//! A stage sees the nouns of a call and what the stage before hands it. Only `pipeline` knows
//! the order. A new dependency is a new word in this table, with its reason; one that nobody
//! uses any more has to go.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// The modules that need not stand in anybody's list.
const FOR_ALL: [&str; 4] = ["boxed", "home", "map", "wait"];

/// A module and those it may name, with what it needs of them.
const ALLOWED: &[(&str, &[&str])] = &[
    // Containers, which anybody may use as they use those of the standard library.
    ("map", &[]),
    // Which thread is whose, likewise; and timers, and futures.
    ("boxed", &[]),
    ("home", &[]),
    ("wait", &["home"]),
    // Knows bytes, and nothing of what they mean.
    ("seal", &[]),
    // The wire knows nothing of gateways.
    ("mcp", &[]),
    // Nouns. `call` and `refusal` know each other: reading a call can fail, and a refusal says
    // what was asked for.
    ("call", &["mcp", "refusal"]),
    ("refusal", &["call", "mcp"]),
    ("exchange", &["call", "mcp"]),
    // `seal` for ids that outlive the process.
    ("session", &["call", "exchange", "mcp", "refusal", "seal"]),
    ("start", &["call"]),
    // Both ends of a command line of our own: it knows nothing of what it is for.
    ("launch", &[]),
    // The stages, in their order: each takes what the one before it made.
    // `config` for the fault in a table of its own, `forward` for secrets and for TLS as it is
    // spoken to servers.
    ("authenticate", &["call", "config", "forward"]),
    // `mcp` for the arguments that conditions look at.
    ("authorise", &["call", "mcp", "refusal"]),
    // `config` for the fault that a limit's own check finds.
    ("limit", &["authorise", "call", "config", "refusal"]),
    // `authorise` for what of the lists somebody may see.
    ("route", &["authorise", "call", "limit", "mcp", "refusal"]),
    // What one revision says in the words of another; nothing of servers or sessions.
    ("bridge", &["call", "exchange", "mcp", "seal"]),
    // `config` for the fault that a server's own check finds.
    (
        "forward",
        &[
            "bridge", "call", "config", "exchange", "launch", "mcp", "refusal", "route",
        ],
    ),
    // `forward` for how servers are doing, which is shown as a number; `config` for the fault that
    // a check of `[audit]` finds; `mcp` for the arguments that it records; `session` for how many
    // there are.
    (
        "observe",
        &["call", "config", "forward", "mcp", "refusal", "session"],
    ),
    // The one that knows the order.
    (
        "pipeline",
        &[
            "authenticate",
            "authorise",
            "bridge",
            "call",
            "exchange",
            "forward",
            "limit",
            "mcp",
            "observe",
            "refusal",
            "route",
            "session",
            "start",
        ],
    ),
    // In front of the pipeline.
    (
        "accept",
        &[
            "call", "exchange", "mcp", "observe", "pipeline", "refusal", "route", "session",
        ],
    ),
    // Answers on the same listener, hence `accept` for its responses; `config` for the words to who
    // mistakes a name, `observe` for how the last reload went.
    (
        "admin",
        &["accept", "config", "forward", "mcp", "observe", "pipeline"],
    ),
    // Each stage has its table; here they become one file. `clients` for files that are not ours.
    (
        "config",
        &[
            "authenticate",
            "authorise",
            "call",
            "clients",
            "forward",
            "gateway",
            "limit",
            "observe",
        ],
    ),
    // Puts everything together and lets it live. `mcp` and `refusal` to say what would be answered
    // to a call, and why; `seal` for the key that outlives the process.
    (
        "gateway",
        &[
            "accept",
            "admin",
            "authenticate",
            "authorise",
            "call",
            "config",
            "forward",
            "limit",
            "mcp",
            "observe",
            "pipeline",
            "refusal",
            "route",
            "seal",
            "session",
            "start",
        ],
    ),
    // Facts about other people's programs.
    ("clients", &[]),
    // A server like any other: it shares nothing with the gateway.
    ("example", &[]),
    // `forward` for one server that no file names, and its state; `authorise` and `pipeline` for
    // what somebody asks about, and a call that is not made; `observe` for the audit log, which is
    // opened where a person hears that it cannot be; `clients` for what they are connected with.
    (
        "cli",
        &[
            "authenticate",
            "authorise",
            "call",
            "clients",
            "config",
            "example",
            "forward",
            "gateway",
            "launch",
            "mcp",
            "observe",
            "pipeline",
        ],
    ),
];

/// The modules that some source names after `crate::`.
fn named(source: &str) -> BTreeSet<String> {
    let code: Vec<&str> = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = code.join("\n");
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        // One module, or a group of them, of each of which only the first word counts.
        let (mut depth, mut word, mut taken) = (0, String::new(), false);
        for c in rest.chars() {
            if c.is_alphanumeric() || c == '_' {
                if depth <= 1 && !taken {
                    word.push(c);
                }
                continue;
            }
            if !word.is_empty() {
                found.insert(std::mem::take(&mut word));
                taken = true;
            }
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => taken = false,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    found
}

/// What each top-level module names, and one file in which it does.
fn scan(folder: &Path, module: Option<&str>, found: &mut BTreeMap<(String, String), String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let module = module.unwrap_or(&stem);
        if path.is_dir() {
            scan(&path, Some(module), found);
        } else if !matches!(module, "lib" | "main") {
            for other in named(&fs::read_to_string(&path).unwrap()) {
                if other != module {
                    let file = path.display().to_string();
                    found.insert((module.to_owned(), other), file);
                }
            }
        }
    }
}

#[test]
fn modules_name_only_those_they_may_know() {
    let mut found = BTreeMap::new();
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    scan(&src, None, &mut found);
    let allowed: BTreeSet<(String, String)> = ALLOWED
        .iter()
        .flat_map(|(module, others)| {
            others
                .iter()
                .map(|other| ((*module).to_owned(), (*other).to_owned()))
        })
        .collect();

    for ((module, other), file) in &found {
        if FOR_ALL.contains(&other.as_str()) {
            continue;
        }
        let pair = (module.clone(), other.clone());
        assert!(
            allowed.contains(&pair),
            "`{module}` may not know `{other}`: {file}"
        );
    }
    for (module, other) in &allowed {
        let pair = (module.clone(), other.clone());
        assert!(
            found.contains_key(&pair),
            "`{module}` no longer needs `{other}`: take it off the table"
        );
    }
}

#[test]
fn every_module_stands_in_the_table() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(src).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_str().unwrap();
        let known = ALLOWED.iter().any(|(known, _)| *known == module);
        assert!(
            known || matches!(module, "lib" | "main"),
            "where does `{module}` belong?"
        );
    }
}

#[test]
fn the_scan_finds_a_module_in_every_spelling() {
    let source = "use crate::{\n    call::{Call, Caller},\n    mcp,\n    route::{self, a::{b, c}, d},\n};\n\
                  use crate::refusal::{Refusal, x::y};\n// crate::comment\nlet x = crate::start::f(crate::limit::g());";
    let found: Vec<String> = named(source).into_iter().collect();
    assert_eq!(found, ["call", "limit", "mcp", "refusal", "route", "start"]);
}

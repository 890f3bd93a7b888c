//! Any catalogs under any rules, and what the rules say of each item, one by one.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use mcpgate::{
    authorise::{Condition, Grants, Pattern, Role, Roles, Rule, Rules, Subject},
    call::{Extent, RoleName, ServerName, Sight},
    mcp::List,
    route::{Catalog, Item, Naming, Selection, ServerPart, Sights, View, Views},
};
use proptest::{collection::vec, option, prelude::*, sample::select, sample::subsequence};
use serde_json::json;

const SERVERS: [&str; 3] = ["a", "b", "c"];
const NAMES: [&str; 4] = ["read", "write", "read_x", "ü.*"];
const URIS: [&str; 4] = ["f://srv/a", "f://etc/b", "f://srv/../etc", "d:1"];
const TEMPLATES: [&str; 4] = ["f://srv/{x}", "f://{+x}", "f://etc/b", "d:{x}"];
const NAMING: Naming = Naming {
    portable: false,
    budget: 50,
};

fn keys(list: List) -> [&'static str; 4] {
    match list {
        List::Tools | List::Prompts => NAMES,
        List::Resources => URIS,
        List::Templates => TEMPLATES,
    }
}

fn name(server: &str) -> ServerName {
    ServerName::try_from(server.to_owned()).unwrap()
}

pub(crate) fn role() -> RoleName {
    RoleName::try_from("r".to_owned()).unwrap()
}

fn catalog() -> impl Strategy<Value = Catalog> {
    let lists = List::ALL.map(|list| subsequence(keys(list).to_vec(), 0..=4));
    lists.prop_map(|lists| {
        let mut catalog = Catalog::new(None, r#"{"resources":{}}"#);
        for (list, keys) in List::ALL.into_iter().zip(lists) {
            let items = keys.iter().map(|key| {
                let raw = match list {
                    List::Tools => json!({"name": key, "inputSchema": {"type": "object"}}),
                    List::Prompts => json!({"name": key}),
                    List::Resources => json!({"uri": key, "name": "n"}),
                    List::Templates => json!({"uriTemplate": key, "name": "n"}),
                };
                let page = Bytes::from(raw.to_string());
                Item::read(list, &page, std::str::from_utf8(&page).unwrap()).unwrap()
            });
            catalog.set(list, items.collect());
        }
        catalog
    })
}

fn rules() -> impl Strategy<Value = Vec<Rule<Condition>>> {
    let pattern = select(vec![
        "*",
        "a/*",
        "*/read*",
        "b/write",
        "?/*_x",
        r"*/ü.\*",
        "prompt:*",
        "prompt:b/read",
        "resource:*",
        "resource:a/*",
        "resource:f://srv/*",
        "resource:f://etc/b",
        "resource:c/d:?",
        "method:*",
    ]);
    let condition = option::weighted(0.3, select(vec!["true", "false", "args.x == 1"]));
    vec((pattern, condition), 0..4).prop_map(|rules| {
        let rule = |(pattern, condition): (&str, Option<&str>)| Rule {
            pattern: pattern.parse::<Pattern>().unwrap(),
            condition: condition.map(|text| Condition::compile(text).unwrap()),
            source: "team.toml:1".to_owned().into(),
        };
        rules.into_iter().map(rule).collect()
    })
}

#[derive(Debug)]
pub(crate) struct World {
    parts: Vec<ServerPart>,
    allow: Vec<Rule<Condition>>,
    deny: Vec<Rule<Condition>>,
    selected: Vec<&'static str>,
    selection: Arc<Selection>,
    pub(crate) extent: Extent,
    /// Whether `b`, which looks at addresses, is there for the caller's.
    open: bool,
}

pub(crate) fn world() -> impl Strategy<Value = World> {
    let prefixes = vec(select(vec!["", "a", "x_"]), 3);
    let extent = select(vec![
        Extent::All,
        Extent::View("v".into()),
        Extent::Server(name("a")),
        Extent::Server(name("b")),
    ]);
    let selection = (subsequence(SERVERS.to_vec(), 0..=3), rules(), rules());
    let catalogs = vec(catalog(), 3);
    let all = (
        catalogs,
        prefixes,
        rules(),
        rules(),
        selection,
        extent,
        any::<bool>(),
    );
    all.prop_map(
        |(catalogs, prefixes, allow, deny, selection, extent, open)| {
            let (selected, selects, leaves_out) = selection;
            let part = |((server, prefix), catalog): ((&&str, &str), Catalog)| ServerPart {
                server: name(server),
                prefix: prefix.to_owned(),
                catalog: Arc::new(catalog),
            };
            let parts = SERVERS.iter().zip(prefixes).zip(catalogs).map(part);
            let selection = Selection {
                servers: selected.iter().map(|server| name(server)).collect(),
                rules: Grants::new(selects, leaves_out),
            };
            let (parts, selection) = (parts.collect(), Arc::new(selection));
            World {
                parts,
                allow,
                deny,
                selected,
                selection,
                extent,
                open,
            }
        },
    )
}

impl World {
    pub(crate) fn roles(&self) -> Roles {
        let role_itself = Role {
            rules: Arc::new(Rules::new(self.allow.clone(), self.deny.clone())),
            from: Default::default(),
            views: Vec::new(),
            admin: false,
        };
        Roles::new([(role(), role_itself)])
    }

    pub(crate) fn view(&self, roles: &Roles) -> Arc<View> {
        let sights = Sights {
            naming: NAMING,
            roles: Arc::new(roles.clone()),
            views: [("v".into(), self.selection.clone())].into_iter().collect(),
            gates: vec![name("b")],
        };
        let views = Views::new(Arc::new(sights), self.parts.clone());
        let sight = Sight {
            extent: self.extent.clone(),
            role: Some(role()),
            gates: self.open.into(),
        };
        views.of(&sight).unwrap()
    }

    /// What the rules say one by one of an item; it is the caller's to see if so.
    fn allows(&self, list: List, server: &str, key: &str) -> bool {
        let subject = match list {
            List::Tools => Subject::Tool { server, name: key },
            List::Prompts => Subject::Prompt { server, name: key },
            List::Resources => Subject::Resource { server, uri: key },
            List::Templates => Subject::Template {
                server,
                uri_template: key,
            },
        };
        let may = |allow: &[Rule<Condition>], deny: &[Rule<Condition>]| {
            let denies = |rule: &Rule<_>| rule.condition.is_none() && rule.pattern.denies(subject);
            allow.iter().any(|rule| rule.pattern.allows(subject)) && !deny.iter().any(denies)
        };
        let there = match &self.extent {
            Extent::All => true,
            Extent::Server(only) => only.as_str() == server,
            Extent::View(_) => {
                let selected = self.selected.is_empty() || self.selected.contains(&server);
                let judged = self.selection.rules.judge(subject);
                selected && !matches!(judged, mcpgate::authorise::Judgement::Denied { .. })
            }
        };
        there && (self.open || server != "b") && may(&self.allow, &self.deny)
    }

    /// Every exposed name of a list, and whether it is to be listed: by the first that has it.
    pub(crate) fn expected(&self, list: List) -> HashMap<String, bool> {
        let mut expected = HashMap::new();
        for part in &self.parts {
            let alone = matches!(&self.extent, Extent::Server(only) if *only == part.server);
            if matches!(self.extent, Extent::Server(_)) && !alone {
                continue;
            }
            let keys = part
                .catalog
                .items(list)
                .iter()
                .map(|item| item.key.as_str());
            let keys: Vec<&str> = keys.collect();
            let prefix = if alone { "" } else { &part.prefix };
            let names = match list {
                List::Tools | List::Prompts => NAMING.expose(prefix, &keys),
                List::Resources | List::Templates => {
                    keys.iter().map(|key| (*key).to_owned()).collect()
                }
            };
            for (name, key) in names.into_iter().zip(keys) {
                let allowed = self.allows(list, part.server.as_str(), key);
                expected.entry(name).or_insert(allowed);
            }
        }
        expected
    }
}

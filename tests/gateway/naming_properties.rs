//! Exposed names and resource URIs: whatever servers call their things, clients can name them.

use std::collections::HashSet;

use bytes::Bytes;
use mcpgate::{
    call::ServerName,
    mcp::List,
    route::{Catalog, Item, Member, Naming, View},
};
use proptest::{collection::hash_set, prelude::*, sample::select};
use serde_json::{Value, json};

use crate::hostile;

/// Names as servers choose them: plain, too long, in other scripts, nearly the same.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c_./ -]{1,4}",
        "[a-z]{30}[a-b.]{1,40}",
        "\\PC{1,20}",
        "[ab]{120,130}",
    ]
}

fn names() -> impl Strategy<Value = Vec<String>> {
    hash_set(name(), 0..30).prop_map(|names| names.into_iter().collect())
}

fn expose(budget: usize, prefix: &str, names: &[String]) -> Vec<String> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Naming {
        portable: true,
        budget,
    }
    .expose(prefix, &names)
}

fn tools(names: &[String]) -> Catalog {
    catalog(
        List::Tools,
        names,
        |name| json!({"name": name, "inputSchema": {"type": "object"}}),
    )
}

fn template(template: &str) -> Catalog {
    let item = |template: &str| json!({"uriTemplate": template, "name": "n"});
    catalog(List::Templates, &[template.to_owned()], item)
}

fn server(name: &str) -> ServerName {
    ServerName::try_from(name.to_owned()).unwrap()
}

fn catalog(list: List, keys: &[String], item: impl Fn(&str) -> Value) -> Catalog {
    let items = keys.iter().map(|key| {
        let raw = item(key).to_string();
        let page = Bytes::from(raw);
        Item::read(list, &page, std::str::from_utf8(&page).unwrap()).unwrap()
    });
    let mut catalog = Catalog::new(None, r#"{"resources":{}}"#);
    catalog.set(list, items.collect());
    catalog
}

proptest! {
    #![proptest_config(hostile::cases(200))]

    /// Trap: A separator in names that clients refuse.
    #[test]
    fn a_portable_name_is_portable_within_its_budget_and_its_servers_own(
        names in names(),
        prefix in select(vec!["", "files", "a-very_long-prefix_of_thirty-two"]),
        budget in 16..128_usize,
    ) {
        let exposed = expose(budget, prefix, &names);

        let portable = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        prop_assert!(exposed.iter().all(|name| name.bytes().all(portable)));
        prop_assert!(exposed.iter().all(|name| (1..=budget).contains(&name.len())));
        let distinct: HashSet<&String> = exposed.iter().collect();
        prop_assert_eq!(distinct.len(), names.len());
        prop_assert_eq!(expose(budget, prefix, &names), exposed);
    }

    #[test]
    fn the_order_of_a_servers_tools_does_not_matter(names in names()) {
        let exposed = expose(50, "s", &names);
        let turned: Vec<String> = names.iter().rev().cloned().collect();
        let mut again = expose(50, "s", &turned);
        again.reverse();
        prop_assert_eq!(again, exposed);
    }

    #[test]
    fn what_is_listed_can_be_called_and_leads_to_its_own_name_whoever_else_is_there(
        names in names(),
        others in names(),
        portable in any::<bool>(),
    ) {
        let naming = Naming { portable, budget: 50 };
        let (one, two) = (server("one"), server("two"));
        let (first, second) = (tools(&names), tools(&others));
        let member = Member { server: &one, prefix: "one", catalog: &first };
        let other = Member { server: &two, prefix: "two", catalog: &second };
        let both = View::merge(naming, &[other, member]);
        let member = Member { server: &one, prefix: "one", catalog: &first };
        let alone = View::merge(naming, &[member]);

        let listed: Value = serde_json::from_slice(both.list(List::Tools)).unwrap();
        prop_assert_eq!(listed["tools"].as_array().unwrap().len(), names.len() + others.len());
        for tool in listed["tools"].as_array().unwrap() {
            prop_assert!(both.way(List::Tools, tool["name"].as_str().unwrap()).is_some());
        }
        for exposed in alone.names(List::Tools) {
            prop_assert_eq!(alone.way(List::Tools, exposed), both.way(List::Tools, exposed));
        }
    }

    #[test]
    fn a_uri_finds_the_template_it_was_made_from(
        table in "[a-zé0-9%_]{1,8}",
        row in "[a-z0-9-]{1,8}",
        path in "[a-z/]{1,12}",
        query in "[a-z=]{0,6}",
    ) {
        let templates = ["db://{table}/rows/{row}", "file:///{+path}", "find://x{?q}"];
        let catalogs = templates.map(template);
        let servers = ["a", "b", "c"].map(server);
        let members: Vec<Member<'_>> = servers.iter().zip(&catalogs)
            .map(|(server, catalog)| Member { server, prefix: "", catalog })
            .collect();
        let view = View::merge(Naming { portable: true, budget: 50 }, &members);

        for (uri, server) in [
            (format!("db://{table}/rows/{row}"), "a"),
            (format!("file:///{path}"), "b"),
            (format!("find://x?q={query}"), "c"),
        ] {
            prop_assert_eq!(view.server_of(&uri).map(ServerName::as_str), Some(server), "{}", uri);
        }
        let other = format!("db://{table}/{row}");
        prop_assert!(view.server_of(&other).is_none());
    }

    #[test]
    fn no_template_and_no_uri_break_the_search(
        expression in "[a-c{}+?*,/é]{0,20}",
        uri in "[a-c{}/é]{0,20}",
    ) {
        let templates = template(&format!("x{expression}"));
        let server = server("a");
        let member = Member { server: &server, prefix: "", catalog: &templates };
        let view = View::merge(Naming { portable: true, budget: 50 }, &[member]);
        let uri = format!("x{uri}");
        prop_assert!(view.server_of(&uri).is_some(), "the only server with resources");
    }
}

//! Listed if and only if callable, for any catalogs, rules, views and addresses.

use std::sync::Arc;

use bytes::Bytes;
use mcpgate::{
    authorise::{Roles, permit},
    call::{Call, Caller, Client, Extent, Identity, Standing, Target, Visit, Who},
    mcp::{Frame, List, Revision},
    refusal::Refusal,
    route::View,
};
use proptest::prelude::*;
use serde_json::Value;

use crate::{
    hostile,
    policy_world::{role, world},
};

fn listed(view: &View, list: List) -> Vec<String> {
    let result: Value = serde_json::from_slice(view.list(list)).unwrap();
    let items = result[list.key()].as_array().unwrap().iter();
    let key = match list {
        List::Tools | List::Prompts => "name",
        List::Resources => "uri",
        List::Templates => "uriTemplate",
    };
    items
        .map(|item| item[key].as_str().unwrap().to_owned())
        .collect()
}

/// Whether a call is one that may be made, with these arguments or with others.
fn callable(view: &View, roles: &Roles, extent: &Extent, target: Target) -> bool {
    let who = Who::of(Identity::Anonymous, Standing::Role(role()));
    let visit = Visit::new(Caller::new(Arc::new(who), None), extent.clone());
    let revision = Revision::V2025_11_25;
    let client = Client::new("s".into(), Identity::Anonymous, revision, "{}", "{}");
    let text = r#"{"jsonrpc":"2.0","id":1,"method":"x","params":{"arguments":{"x":1}}}"#;
    let call = Box::new(Call {
        frame: Frame::parse(Bytes::from_static(text.as_bytes())).unwrap(),
        target,
        client: Arc::new(client),
        visit,
    });
    match permit(view, roles, call) {
        Ok(_) | Err(Refusal::Condition(..)) => true,
        Err(Refusal::Forbidden(..) | Refusal::NoRoute(_)) => false,
        Err(other) => panic!("{other}"),
    }
}

proptest! {
    #![proptest_config(hostile::cases(300))]

    #[test]
    fn what_is_listed_may_be_called_and_nothing_else(world in world()) {
        let roles = world.roles();
        let view = world.view(&roles);
        for list in List::ALL {
            let listed = listed(&view, list);
            prop_assert_eq!(listed.len(), view.count(list));
            for (name, expected) in world.expected(list) {
                let is_listed = listed.contains(&name);
                prop_assert_eq!(is_listed, expected, "{:?} {}", list, name);
                let targets = match list {
                    List::Tools => vec![Target::Tool(name)],
                    List::Prompts => vec![Target::Prompt(name.clone()), Target::PromptArgument(name)],
                    List::Resources => vec![
                        Target::Resource(name.clone()),
                        Target::Subscription(name.clone(), true),
                        Target::Subscription(name, false),
                    ],
                    // Its URIs are judged one by one; only its own completion is of the template.
                    List::Templates if is_listed => vec![Target::TemplateArgument(name)],
                    List::Templates => vec![],
                };
                for target in targets {
                    let words = format!("{list:?} {target}");
                    let called = callable(&view, &roles, &world.extent, target.clone());
                    prop_assert_eq!(called, is_listed, "{}", words);
                    prop_assert!(!called || view.server(&target).is_some(), "{}", words);
                }
            }
            for unknown in ["zzz", "a__zzz", ""] {
                prop_assert!(!listed.iter().any(|name| name == unknown));
                let tool = Target::Tool(unknown.to_owned());
                prop_assert!(!callable(&view, &roles, &world.extent, tool));
            }
        }
    }
}

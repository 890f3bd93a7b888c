//! Secrets that stand in a client's file, and the variables that take their place in ours.

mod form;
mod name;

use std::collections::BTreeMap;

use super::{
    file::{Member, Node, Value},
    read::{Entry, variable_of},
};
pub use name::is_secret as is_secret_name;

/// Whether a value of that name looks like a secret, or has one in it.
pub fn looks_secret(name: &str, value: &str) -> bool {
    !form::secrets(name, value).is_empty()
}

/// A secret that a variable has taken the place of. The value itself is kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The variable.
    pub variable: String,
    /// The byte at which the value stands in the client's file.
    pub at: usize,
    /// Where that is: `env.TOKEN`.
    pub what: String,
}

/// The variables that have been given so far, with what they stand for.
pub struct Names<'a> {
    given: BTreeMap<String, String>,
    is_taken: IsTaken<'a>,
}

/// Whether a variable would stand for something else than this secret of this server.
pub type IsTaken<'a> = &'a dyn Fn(&str, &str, &Entry) -> bool;

impl<'a> Names<'a> {
    /// None so far.
    pub fn new(is_taken: IsTaken<'a>) -> Self {
        Self {
            given: BTreeMap::new(),
            is_taken,
        }
    }

    /// A variable for a secret: `wanted` if that is free, else with the server's name before it.
    fn give(&mut self, wanted: &str, secret: &str, entry: &Entry) -> String {
        let mut name = wanted.to_owned();
        let mut number = 1;
        loop {
            let is_same = self.given.get(&name).map(|known| known == secret);
            if is_same == Some(true)
                || (is_same.is_none() && !(self.is_taken)(&name, secret, entry))
            {
                self.given.insert(name.clone(), secret.to_owned());
                return name;
            }
            let own = of_server(&entry.name, wanted);
            number += 1;
            name = match number {
                2 if own != wanted => own,
                number => format!("{own}_{number}"),
            };
        }
    }
}

/// `github` and `Authorization` are `GITHUB_TOKEN`, `exa` and `exaApiKey` are `EXA_API_KEY`.
fn of_server(server: &str, what: &str) -> String {
    let server = variable_of(server);
    let what = match what.to_ascii_lowercase().as_str() {
        "authorization" | "proxy-authorization" => "TOKEN".to_owned(),
        _ => variable_of(&name::words(what).join("_")),
    };
    let what = what.strip_prefix("X_").unwrap_or(&what);
    match what.starts_with(&format!("{server}_")) {
        true => what.to_owned(),
        false => format!("{server}_{what}"),
    }
}

/// Puts a variable in the place of everything in an entry that looks like a secret.
pub fn hide(entry: &mut Entry, names: &mut Names<'_>) -> Vec<Moved> {
    let mut members = std::mem::take(&mut entry.members);
    let mut hiding = Hiding {
        entry,
        names,
        moved: Vec::new(),
    };
    // Variables first: they keep the names that they have.
    let is_env = |member: &&mut Member| member.name == "env";
    members
        .iter_mut()
        .filter(is_env)
        .for_each(|env| hiding.member(env));
    members.iter_mut().for_each(|member| hiding.member(member));
    let moved = hiding.moved;
    entry.members = members;
    let said = entry.said.iter_mut().flat_map(|(_, lines)| lines);
    for line in said.chain(&mut entry.comments) {
        *line = form::without_secrets(line);
    }
    moved
}

struct Hiding<'a, 'n> {
    entry: &'a Entry,
    names: &'a mut Names<'n>,
    moved: Vec<Moved>,
}

impl Hiding<'_, '_> {
    fn member(&mut self, member: &mut Member) {
        let key = member.name.clone();
        match (key.as_str(), &mut member.node.value) {
            ("env", Value::Table(variables)) => {
                for variable in variables {
                    // It is called there as it will be called here.
                    let what = format!("env.{}", variable.name);
                    let wanted = variable_of(&variable.name);
                    self.part(
                        &mut variable.node,
                        0,
                        &what,
                        &variable.name,
                        &|hint| match hint {
                            "" => wanted.clone(),
                            hint => format!("{wanted}_{}", variable_of(hint)),
                        },
                    );
                }
            }
            ("headers", Value::Table(headers)) => {
                for header in headers {
                    let what = format!("headers.{}", header.name);
                    let wanted = of_server(&self.entry.name, &header.name);
                    self.part(&mut header.node, 0, &what, &header.name, &|_| {
                        wanted.clone()
                    });
                }
            }
            ("args", Value::List(items)) => self.arguments(items),
            ("url", Value::Text(_)) => {
                let server = self.entry.name.clone();
                self.part(&mut member.node, 0, "url", "", &|hint| {
                    of_server(&server, hint)
                });
            }
            _ => {}
        }
    }

    fn arguments(&mut self, items: &mut [Node]) {
        let server = self.entry.name.clone();
        let mut before = String::new();
        for (index, item) in items.iter_mut().enumerate() {
            let text = item.text().unwrap_or_default().to_owned();
            let what = format!("args[{index}]");
            // `--api-key=…`, `API_KEY=…` after `-e`, `Authorization: …` after `--header`.
            let (own, start) = match (text.split_once('='), text.split_once(':')) {
                (Some((name, _)), _) if is_word(name) => (name, name.len() + 1),
                (_, Some((name, _)))
                    if is_word(name) && before.to_lowercase().contains("header") =>
                {
                    (name, name.len() + 1)
                }
                _ => ("", 0),
            };
            let name = match own {
                "" if before.starts_with('-') && !text.starts_with('-') => before.as_str(),
                own => own,
            };
            let name = name.trim_start_matches('-').to_owned();
            let is_variable = matches!(before.as_str(), "-e" | "--env");
            self.part(item, start, &what, &name, &|hint| match hint {
                "" if is_variable => variable_of(&name),
                "" if name.is_empty() => of_server(&server, "key"),
                "" => of_server(&server, &name),
                hint => of_server(&server, hint),
            });
            before = text;
        }
    }

    /// Hides what is secret in a text, from a place in it on.
    fn part(
        &mut self,
        node: &mut Node,
        start: usize,
        what: &str,
        name: &str,
        wanted: &dyn Fn(&str) -> String,
    ) {
        let Value::Text(text) = &mut node.value else {
            return;
        };
        let value = text.get(start..).unwrap_or_default().to_owned();
        // From behind, so that the places before stay what they are.
        for secret in form::secrets(name, &value).into_iter().rev() {
            let Some(hidden) = value.get(secret.span.clone()) else {
                continue;
            };
            let name = self.names.give(&wanted(secret.hint), hidden, self.entry);
            let span = secret.span.start + start..secret.span.end + start;
            text.replace_range(span, &format!("${{{name}}}"));
            self.moved.push(Moved {
                variable: name,
                at: node.span.start,
                what: what.to_owned(),
            });
        }
    }
}

/// Whether something may be the name of an option, a variable or a header.
fn is_word(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty() && text.chars().all(inner)
}

#[cfg(test)]
mod tests;

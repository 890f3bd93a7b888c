//! Our own entry in a client's file: put in, taken out, with all else as it was.

mod json;
mod yaml;

use super::{
    Client, OURS, Syntax,
    file::{Member, Mistake, Node, Tree, Value},
};

/// How a client is to reach the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// It launches it: the program and its arguments.
    Launch(String, Vec<String>),
    /// It connects to it: the address, and the variable that has the key.
    Connect(String, Option<String>),
}

/// What a client's file says after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// The same as before.
    Not,
    /// This.
    Text(String),
    /// It is written in a way that we do not change: a person is to add these lines, or take them out.
    ByHand(String),
}

/// What stands in the way of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hindrance {
    /// The variable has to be set, since the client takes no variables into its file.
    Unset(String),
}

impl Client {
    /// Our entry as this client has it. `mcpgate` is our program, for those who know no addresses;
    /// `variable` looks up what a client cannot.
    ///
    /// # Errors
    /// When it needs the value of a variable that is not set.
    pub fn entry(
        self,
        way: &Way,
        mcpgate: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Node, Hindrance> {
        let form = self.facts().form;
        let valued = |name: &str| {
            let written = form.variables.write(name);
            written
                .or_else(|| variable(name))
                .ok_or_else(|| Hindrance::Unset(name.to_owned()))
        };
        let mut members = Vec::new();
        match (way, form.urls) {
            (Way::Launch(program, args), _) => {
                members.extend(form.stdio.map(|(key, value)| member(key, text(value))));
                members.push(member("command", text(program)));
                members.push(member("args", list(args)));
            }
            (Way::Connect(url, key), Some(urls)) => {
                members.extend(urls.kind.map(|kind| member("type", text(kind))));
                members.push(member(urls.key, text(url)));
                if let Some(key) = key {
                    let value = text(&format!("Bearer {}", valued(key)?));
                    members.push(member(
                        "headers",
                        table(vec![member("Authorization", value)]),
                    ));
                }
            }
            // It launches us, and we connect.
            (Way::Connect(url, key), None) => {
                let args = ["stdio", "--url", url].map(str::to_owned);
                members.push(member("command", text(mcpgate)));
                members.push(member("args", list(&args)));
                if let Some(key) = key {
                    let value = text(&valued(key)?);
                    members.push(member("env", table(vec![member("MCPGATE_KEY", value)])));
                }
            }
        }
        Ok(table(members))
    }

    /// Puts our entry into the text of this client's file.
    ///
    /// # Errors
    /// When the file is not well-formed, or has something else where servers are to stand.
    pub fn put(self, before: &str, entry: &Node) -> Result<Changed, Mistake> {
        let form = self.facts().form;
        let tree = Tree::parse(before, form.syntax)?;
        let servers = servers(&tree, form.servers)?;
        let there = servers.and_then(|servers| servers.get(OURS));
        if there.is_some_and(|there| there.says_like(entry)) {
            return Ok(Changed::Not);
        }
        let text = match form.syntax {
            Syntax::Json => json::put(before, form.servers, entry)?,
            Syntax::Yaml => yaml::put(before, &tree, form.servers, entry),
        };
        let by_hand = || match form.syntax {
            Syntax::Json => json::shown(form.servers, entry),
            Syntax::Yaml => yaml::shown(form.servers, entry),
        };
        let wanted = |after: &Tree| {
            let ours = after
                .root
                .get(form.servers)
                .and_then(|servers| servers.get(OURS));
            ours.is_some_and(|ours| ours.says_like(entry))
        };
        Ok(self
            .checked(&tree, text, wanted)
            .unwrap_or_else(|| Changed::ByHand(by_hand())))
    }

    /// Takes our entry out of the text of this client's file.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub fn take_out(self, before: &str) -> Result<Changed, Mistake> {
        let form = self.facts().form;
        let tree = Tree::parse(before, form.syntax)?;
        let servers = servers(&tree, form.servers)?;
        if servers.and_then(|servers| servers.get(OURS)).is_none() {
            return Ok(Changed::Not);
        }
        let text = match form.syntax {
            Syntax::Json => json::take_out(before, form.servers)?,
            Syntax::Yaml => yaml::take_out(before, &tree, form.servers),
        };
        let gone = |after: &Tree| {
            let servers = after.root.get(form.servers);
            servers.and_then(|servers| servers.get(OURS)).is_none()
        };
        let by_hand = || Changed::ByHand(format!("  {OURS}: …"));
        Ok(self.checked(&tree, text, gone).unwrap_or_else(by_hand))
    }

    /// A text in which all but our entry is as it was, and that is as it should be; else nothing.
    fn checked(
        self,
        before: &Tree,
        after: Option<String>,
        is_wanted: impl Fn(&Tree) -> bool,
    ) -> Option<Changed> {
        let form = self.facts().form;
        let text = after?;
        let after = Tree::parse(&text, form.syntax).ok()?;
        let is_kept = without_ours(&before.root, form.servers)
            .says_like(&without_ours(&after.root, form.servers));
        let said = |tree: &Tree| tree.comments.iter().map(|said| said.text.clone()).collect();
        let (one, other): (Vec<String>, Vec<String>) = (said(before), said(&after));
        // Ours has no comments, but somebody may have written one into it.
        let is_kept = is_kept && other.iter().all(|words| one.contains(words));
        (is_kept && is_wanted(&after)).then_some(Changed::Text(text))
    }
}

/// The table of servers; nothing if there is none yet.
fn servers<'t>(tree: &'t Tree, key: &str) -> Result<Option<&'t Node>, Mistake> {
    let wrong = |node: &Node, message: String| Mistake {
        at: node.span.start,
        message,
    };
    if tree.root.members().is_none() {
        let message = format!("expected a table with `{key}` in it");
        return Err(wrong(&tree.root, message));
    }
    match tree.root.get(key) {
        Some(node) if node.members().is_none() && node.value != Value::Null => {
            Err(wrong(node, format!("`{key}`: expected a table of servers")))
        }
        found => Ok(found.filter(|node| node.value != Value::Null)),
    }
}

/// The rest of a file, in which an empty table of servers is none.
fn without_ours(root: &Node, key: &str) -> Node {
    let mut members = root.members().unwrap_or_default().to_vec();
    for member in &mut members {
        if let (true, Value::Table(servers)) = (member.name == key, &mut member.node.value) {
            servers.retain(|server| server.name != OURS);
        }
    }
    let is_empty = |member: &Member| match &member.node.value {
        Value::Table(members) => members.is_empty(),
        Value::Null => true,
        Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => false,
    };
    members.retain(|member| member.name != key || !is_empty(member));
    table(members)
}

fn text(text: &str) -> Node {
    made(Value::Text(text.to_owned()))
}

fn list(items: &[String]) -> Node {
    made(Value::List(items.iter().map(|item| text(item)).collect()))
}

fn table(members: Vec<Member>) -> Node {
    made(Value::Table(members))
}

/// A value that stands nowhere yet.
fn made(value: Value) -> Node {
    Node { span: 0..0, value }
}

fn member(name: &str, node: Node) -> Member {
    Member {
        name: name.to_owned(),
        at: 0..0,
        node,
    }
}

#[cfg(test)]
mod tests;

//! The servers of a client's file, in the words of ours.
//!
//! Both who imports a file and who serves it as it is read it here, so that they agree.

mod comments;
mod entry;
mod find;
mod keys;
mod names;
mod values;
mod variables;

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use super::{
    Client, Machine, Syntax,
    file::{Member, Mistake, Node, Tree, Value},
};
use variables::Around;
pub(crate) use variables::variable_of;

/// What a client's file says.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// Its servers, in their order.
    pub entries: Vec<Entry>,
    /// What it says of a gateway itself, if somebody has written that there: `gateway`, `audit`.
    pub others: Vec<Member>,
    /// What the servers stand under: `mcpServers`; nothing if they are all that there is.
    pub section: Option<&'static str>,
    /// What a person is asked for there (VS Code's `inputs`): the variable, and what it is for.
    pub inputs: Vec<(String, String)>,
    /// All of the file.
    pub span: Range<usize>,
}

/// One server of a client's file.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its name, as it may be ours.
    pub name: String,
    /// Its name there.
    pub written: String,
    /// Where the name stands.
    pub at: Range<usize>,
    /// Where all of it stands.
    pub span: Range<usize>,
    /// What it says, in our words, with the places where it says so.
    pub members: Vec<Member>,
    /// Keys that neither the client nor we know.
    pub unknown: Vec<Member>,
    /// What it says that cannot be taken over.
    pub left_out: Vec<Remark>,
    /// What is said about it there.
    pub comments: Vec<String>,
    /// What is said about its keys, by where they stand.
    pub said: Vec<(usize, Vec<String>)>,
    /// Whether it is one for us.
    pub fate: Fate,
}

/// Whether a server can be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It can.
    Taken,
    /// It is the gateway itself, which is not to stand behind itself.
    Ours,
    /// It says the same as another one of the file.
    Twin,
    /// It cannot be served.
    Refused(Remark),
}

/// What is said about a place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The byte at which it stands.
    pub at: usize,
    /// What it is about, as a path: `env.TOKEN`.
    pub what: String,
    /// Why, or what to do.
    pub words: String,
}

/// Reads the text of a client's file.
///
/// # Errors
/// When it is not well-formed, or has no servers and nothing that could be some.
pub fn read(text: &str, file: &Path, machine: &Machine<'_>) -> Result<Taken, Mistake> {
    let syntax = Syntax::of(file).unwrap_or(Syntax::Json);
    let tree = Tree::parse(text, syntax)?;
    let found = find::servers(&tree)?;
    let variable = |name: &str| {
        let value = (machine.variable)(name)?;
        Some(value.to_string_lossy().into_owned())
    };
    let project = project(file, machine);
    let folder = std::path::absolute(file).unwrap_or_else(|_| file.to_path_buf());
    let folder = folder.parent().unwrap_or(Path::new("/")).to_path_buf();
    let mut entries: Vec<Entry> = Vec::new();
    for server in &found.servers {
        let project = server.project.as_deref().or(project.as_deref());
        let around = Around {
            project,
            folder: &folder,
            variable: &variable,
        };
        let mut entry = entry::translated(server, (around, syntax))?;
        comments::attach(&mut entry, (&tree, text), server.member);
        if entries.iter().any(|known| known.is_twin_of(&entry)) {
            entry.fate = Fate::Twin;
        }
        entries.push(entry);
    }
    names::settle(&mut entries);
    Ok(Taken {
        entries,
        others: found.others,
        section: found.section,
        inputs: inputs(&tree.root),
        span: tree.root.span.clone(),
    })
}

impl Entry {
    /// The value of a key of ours.
    pub fn get(&self, key: &str) -> Option<&Node> {
        let found = self.members.iter().find(|member| member.name == key)?;
        Some(&found.node)
    }

    fn is_twin_of(&self, other: &Self) -> bool {
        let table = |entry: &Self| Node {
            span: entry.span.clone(),
            value: Value::Table(entry.members.clone()),
        };
        self.written == other.written && table(self).says_like(&table(other))
    }
}

/// The folder of the project that a file is about: a person's own file is about none.
fn project(file: &Path, machine: &Machine<'_>) -> Option<PathBuf> {
    let file = std::path::absolute(file).ok()?;
    let facts = Client::of_file(&file)?.facts();
    if facts.form.syntax == Syntax::Yaml {
        return None; // its paths are those of a container
    }
    let own = facts.user.and_then(|files| machine.path(files));
    let place = facts.project.filter(|place| file.ends_with(place))?;
    let depth = Path::new(place).components().count();
    let folder = file.ancestors().nth(depth)?.to_path_buf();
    (own.as_deref() != Some(file.as_path())).then_some(folder)
}

fn inputs(root: &Node) -> Vec<(String, String)> {
    let items = root.get("inputs").map(Node::items).unwrap_or_default();
    let input = |item: &Node| {
        let id = item.get("id")?.text()?;
        let words = item.get("description").and_then(Node::text);
        Some((variable_of(id), words.unwrap_or_default().to_owned()))
    };
    items.iter().filter_map(input).collect()
}

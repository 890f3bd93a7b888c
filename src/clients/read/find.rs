//! Where the servers stand in a client's file.

use std::path::PathBuf;

use super::super::file::{Member, Mistake, Node, Tree};

/// The keys under which servers stand in one file or another.
const SECTIONS: [&str; 3] = ["mcpServers", "context_servers", "servers"];
/// What a person may say in such a file of the gateway itself.
const OTHERS: [&str; 2] = ["gateway", "audit"];
/// What makes a table a server.
const MARKS: [&str; 5] = ["command", "url", "serverUrl", "httpUrl", "type"];

/// What was found.
pub(super) struct Found<'t> {
    pub(super) servers: Vec<Server<'t>>,
    pub(super) others: Vec<Member>,
    pub(super) section: Option<&'static str>,
}

/// A server, as it stands there.
pub(super) struct Server<'t> {
    pub(super) member: &'t Member,
    /// The project it is for, if it is said beside it.
    pub(super) project: Option<PathBuf>,
    /// Whether it is switched off from without.
    pub(super) disabled: bool,
}

/// All servers of a file.
///
/// # Errors
/// When there are none, nor a place for some, in a file that says something.
pub(super) fn servers(tree: &Tree) -> Result<Found<'_>, Mistake> {
    let root = &tree.root;
    let wrong = |message: &str| Mistake {
        at: root.span.start,
        message: message.to_owned(),
    };
    let Some(members) = root.members() else {
        return Err(wrong(
            "expected a table with the servers under `mcpServers`",
        ));
    };
    let mut found = Found {
        servers: Vec::new(),
        others: Vec::new(),
        section: None,
    };
    for section in SECTIONS {
        if let Some(table) = root.get(section) {
            found.section = found.section.or(Some(section));
            found.add(table, None, &[])?;
        }
    }
    // Where VS Code had them first: in its settings.
    if let Some(table) = root.get("mcp").and_then(|mcp| mcp.get("servers")) {
        found.section = found.section.or(Some("mcp.servers"));
        found.add(table, None, &[])?;
    }
    found.add_projects(root)?;
    for member in members {
        if OTHERS.contains(&member.name.as_str()) && found.section.is_some() {
            found.others.push(member.clone());
        }
    }
    let is_server = |member: &Member| MARKS.iter().any(|mark| member.node.get(mark).is_some());
    match found.section {
        Some(_) => Ok(found),
        None if members.iter().all(is_server) => {
            found.add(root, None, &[])?;
            Ok(found)
        }
        None => Err(wrong(
            "there are no servers: none of `mcpServers`, `servers` and `context_servers` is there",
        )),
    }
}

impl<'t> Found<'t> {
    fn add(
        &mut self,
        table: &'t Node,
        project: Option<PathBuf>,
        disabled: &[&str],
    ) -> Result<(), Mistake> {
        let members = table.members().ok_or_else(|| Mistake {
            at: table.span.start,
            message: "expected a table of servers, each under its name".to_owned(),
        })?;
        self.servers.extend(members.iter().map(|member| Server {
            member,
            project: project.clone(),
            disabled: disabled.contains(&member.name.as_str()),
        }));
        Ok(())
    }

    /// Claude Code keeps what is for one project alone under that project's folder.
    fn add_projects(&mut self, root: &'t Node) -> Result<(), Mistake> {
        let projects = root.get("projects").and_then(Node::members);
        for project in projects.unwrap_or_default() {
            let Some(table) = project.node.get("mcpServers") else {
                continue;
            };
            self.section = self.section.or(Some("mcpServers"));
            let off = project.node.get("disabledMcpServers").map(Node::items);
            let off: Vec<&str> = off
                .unwrap_or_default()
                .iter()
                .filter_map(Node::text)
                .collect();
            self.add(table, Some(PathBuf::from(&project.name)), &off)?;
        }
        Ok(())
    }
}

//! The names under which tools and prompts are exposed.
//!
//! A name depends on its server and its own spelling alone, never on who else is there. Clients
//! put a prefix of their own in front (`mcp__mcpgate__…`) and cut or drop what is longer than 60
//! or 64 characters, hence the budget.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

/// How names are made: `[gateway] names`, `name_budget` and a server's `prefix`.
#[derive(Debug, Clone, Copy)]
pub struct Naming {
    /// `^[a-zA-Z0-9_-]+$` within the budget; otherwise as the server wrote it.
    pub portable: bool,
    /// Longest portable name, in characters.
    pub budget: usize,
}

/// Eight hexadecimal digits and the underscore before them.
const HASH: usize = 9;

impl Naming {
    /// The exposed names of one server's tools, or prompts, in their order.
    pub fn expose(self, prefix: &str, names: &[&str]) -> Vec<String> {
        if !self.portable {
            return names.iter().map(|name| full(prefix, name)).collect();
        }
        let safe: Vec<String> = names
            .iter()
            .map(|name| replace(&full(prefix, name)))
            .collect();
        let mut spelt: HashMap<&str, usize> = HashMap::new();
        for name in &safe {
            *spelt.entry(name).or_default() += 1;
        }
        let pairs = names.iter().zip(&safe);
        pairs
            .map(|(name, safe)| self.fit(&full(prefix, name), safe, spelt.get(safe.as_str())))
            .collect()
    }

    /// `safe`, or its head and a hash of the full name: where it is too long, and where two of
    /// a server's names fall together because of a replaced character.
    fn fit(self, full: &str, safe: &str, spelt: Option<&usize>) -> String {
        let ambiguous = safe != full && spelt.is_some_and(|count| *count > 1);
        if safe.len() <= self.budget && !ambiguous {
            return safe.to_owned();
        }
        let head: String = safe
            .chars()
            .take(self.budget.saturating_sub(HASH))
            .collect();
        let digest = Sha256::digest(full.as_bytes());
        let hash: String = digest
            .iter()
            .take(4)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("{head}_{hash}")
    }
}

fn full(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        name.to_owned()
    } else {
        format!("{prefix}__{name}")
    }
}

fn replace(name: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    name.chars()
        .map(|c| if safe(c) { c } else { '_' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTABLE: Naming = Naming {
        portable: true,
        budget: 50,
    };

    #[test]
    fn names_are_the_servers_prefix_and_their_own() {
        assert_eq!(
            PORTABLE.expose("files", &["read", "a-b_C"]),
            ["files__read", "files__a-b_C"]
        );
        assert_eq!(PORTABLE.expose("", &["read"]), ["read"]);
    }

    #[test]
    fn a_long_name_is_cut_and_told_apart_by_a_hash_that_never_changes() {
        let long = "x".repeat(128);
        let longer = "x".repeat(129);
        let names = PORTABLE.expose("files", &[&long, &longer]);
        assert_eq!(
            names[0],
            "files__xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx_db3da869"
        );
        assert!(names.iter().all(|name| name.len() == 50));
        assert_ne!(names[0], names[1]);
    }

    #[test]
    fn replaced_characters_cost_no_tool_its_place() {
        let names = PORTABLE.expose("w", &["get.x", "get_x", "get/x", "ü.y"]);
        assert_eq!(names[1], "w__get_x", "the exact spelling keeps its name");
        assert!(names[0].starts_with("w__get_x_") && names[2].starts_with("w__get_x_"));
        assert_ne!(names[0], names[2]);
        assert_eq!(names[3], "w____y");
        assert_eq!(PORTABLE.expose("w", &["get.x"]), ["w__get_x"]);
    }

    #[test]
    fn verbatim_leaves_every_character() {
        let verbatim = Naming {
            portable: false,
            budget: 50,
        };
        let odd = "a/b:ü ".repeat(40);
        assert_eq!(verbatim.expose("", &[&odd]), [odd.as_str()]);
        assert_eq!(verbatim.expose("s", &[&odd]), [format!("s__{odd}")]);
    }
}

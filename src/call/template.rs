//! Values that are made of what is known of a caller.

use std::borrow::Cow;

use super::Caller;

/// A text in which `{{caller.id}}`, `.email`, `.role` and `.key` stand for the caller's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Id,
    Email,
    Role,
    Key,
}

impl Template {
    /// Reads a text.
    ///
    /// # Errors
    /// When `{{…}}` holds something else.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let words = "`{{…}}` holds caller.id, caller.email, caller.role or caller.key";
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").ok_or(words)?;
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(match name.trim() {
                "caller.id" => Piece::Id,
                "caller.email" => Piece::Email,
                "caller.role" => Piece::Role,
                "caller.key" => Piece::Key,
                _ => return Err(words),
            });
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    /// Whether it is the same for every caller.
    pub fn is_fixed(&self) -> bool {
        self.0.iter().all(|piece| matches!(piece, Piece::Text(_)))
    }

    /// The text for a caller; nothing where something of the caller is asked for that is not
    /// known, or empty: half a value is worse than none.
    pub fn fill(&self, caller: &Caller) -> Option<String> {
        let mut text = String::new();
        for piece in &self.0 {
            let part: Cow<'_, str> = match piece {
                Piece::Text(part) => part.into(),
                Piece::Id => caller.id.as_deref()?.into(),
                Piece::Email => caller.email.as_deref()?.into(),
                Piece::Role => caller.standing.role()?.as_str().into(),
                Piece::Key => caller.key.as_ref()?.as_str().into(),
            };
            if part.is_empty() {
                return None;
            }
            text.push_str(&part);
        }
        Some(text)
    }
}

impl Template {
    /// The text for a caller, in which what the files say is `***`: it may be a secret.
    ///
    /// # Errors
    /// What is not known of the caller.
    pub fn masked(&self, caller: &Caller) -> Result<String, &'static str> {
        let masked = |piece: &Piece| {
            let name = match piece {
                Piece::Text(_) => return Ok("***".to_owned()),
                Piece::Id => "caller.id",
                Piece::Email => "caller.email",
                Piece::Role => "caller.role",
                Piece::Key => "caller.key",
            };
            Self(vec![piece.clone()]).fill(caller).ok_or(name)
        };
        self.0.iter().map(masked).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::call::{Identity, Standing, Who};

    #[test]
    fn what_is_not_known_leaves_nothing_half_filled() {
        let who = Who {
            email: Some("sam@example.com".into()),
            ..Who::of(Identity::Anonymous, Standing::Everything)
        };
        let caller = Caller::new(Arc::new(who), None);
        let fill = |text: &str| Template::parse(text).unwrap().fill(&caller);

        assert_eq!(fill("plain {text}"), Some("plain {text}".to_owned()));
        assert_eq!(
            fill("<{{caller.email}}> {{ caller.email }}"),
            Some("<sam@example.com> sam@example.com".to_owned())
        );
        assert_eq!(fill("{{caller.id}}:{{caller.email}}"), None);
        assert_eq!(fill("{{caller.role}}"), None);
        let masked = |text: &str| Template::parse(text).unwrap().masked(&caller);
        assert_eq!(masked("hunter2"), Ok("***".to_owned()));
        let expected = Ok("***sam@example.com***".to_owned());
        assert_eq!(masked("hunter2 {{caller.email}} hunter2"), expected);
        assert_eq!(masked("{{caller.email}} {{caller.id}}"), Err("caller.id"));
        for wrong in [
            "{{",
            "{{caller.name}}",
            "{{LIBRECHAT_USER_ID}}",
            "{{caller.id",
        ] {
            assert!(Template::parse(wrong).is_err(), "{wrong}");
        }
    }
}

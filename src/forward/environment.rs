//! The environment of a child that serves one user: some of it may be what is known of that user.

use std::sync::Arc;

use super::{Scope, ServerConfig};
use crate::{
    call::{Caller, ServerName, Template},
    refusal::Refusal,
};

/// The variables that are filled for each user.
pub(super) struct Variables(Vec<(String, Template)>);

impl Variables {
    pub(super) fn new(config: &ServerConfig) -> Self {
        if config.scope != Some(Scope::User) {
            return Self(Vec::new());
        }
        let all = config.env.iter();
        let filled = all.filter_map(|(name, value)| {
            // The loader has checked it.
            let template = Template::parse(value.reveal()).ok()?;
            (!template.is_fixed()).then(|| (name.clone(), template))
        });
        Self(filled.collect())
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What they are for a caller; unset for nobody, and where something is not known.
    ///
    /// # Errors
    /// When something that is known of the caller does not fit into a variable.
    pub(super) fn of(
        &self,
        server: &ServerName,
        caller: Option<&Caller>,
    ) -> Result<Environment, Refusal> {
        if self.is_empty() {
            return Ok(Environment::default());
        }
        let fill = |(name, template): &(String, Template)| {
            let value = caller.and_then(|caller| template.fill(caller));
            // The NUL would end it, and a line break whatever the child writes it into.
            if value.iter().any(|value| value.contains(char::is_control)) {
                let (server, setting) = (server.to_string(), format!("the variable `{name}`"));
                return Err(Refusal::Unspeakable { server, setting });
            }
            Ok((name.clone(), value))
        };
        let all = self
            .0
            .iter()
            .map(fill)
            .collect::<Result<Arc<[Variable]>, _>>()?;
        Ok(Environment(Some(all)))
    }
}

/// Variables, and what each is to be; nothing: it is not to be there, not even inherited.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Environment(Option<Arc<[Variable]>>);

type Variable = (String, Option<String>);

impl Environment {
    /// Each of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let all = self.0.as_deref().unwrap_or_default().iter();
        all.map(|(name, value)| (name.as_str(), value.as_deref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Identity, Standing, Who};

    #[test]
    fn a_value_that_is_more_than_a_line_is_refused() {
        let config = r#"
            scope = "user"
            env = { WHO = "{{caller.id}}", FIXED = "f" }
        "#;
        let variables = Variables::new(&toml::from_str(config).unwrap());
        let server = ServerName::try_from("kid".to_owned()).unwrap();
        let of = |id: &str| {
            let who = Who {
                id: Some(id.into()),
                ..Who::of(Identity::Anonymous, Standing::Everything)
            };
            let caller = Caller::new(Arc::new(who), None);
            let all = variables.of(&server, Some(&caller)).ok()?;
            let all = all
                .iter()
                .map(|(name, value)| (name.to_owned(), value.map(str::to_owned)));
            Some(all.collect::<Vec<_>>())
        };
        let who = |value: Option<&str>| vec![("WHO".to_owned(), value.map(str::to_owned))];
        assert_eq!(of("säm"), Some(who(Some("säm"))));
        assert_eq!(of(""), Some(who(None)));
        for id in ["sam\nADMIN=1", "sam\r", "sam\0"] {
            assert_eq!(of(id), None, "{id:?}");
        }
    }
}

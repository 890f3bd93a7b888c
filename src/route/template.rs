//! Whether a URI is one that a URI template stands for (RFC 6570, read backwards).

/// A template, cut into what must be there and what may vary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    head: String,
    /// For each expression: whether it may span `/`, and the text after it.
    tail: Vec<(bool, String)>,
}

impl Template {
    /// Reads a template. Whatever cannot be an expression is text.
    pub(super) fn new(template: &str) -> Self {
        let mut parts = template.split('{');
        let head = parts.next().unwrap_or_default().to_owned();
        let tail = parts
            .map(|part| {
                let (expression, text) = part.split_once('}').unwrap_or((part, ""));
                // `{+x}`, `{#x}`, `{/x}`, `{?x}`, `{&x}`, `{;x}`, `{x*}`: more than one segment.
                let wide = expression.starts_with(['+', '#', '/', '?', '&', ';', '.'])
                    || expression.ends_with('*');
                (wide, text.to_owned())
            })
            .collect();
        Self { head, tail }
    }

    /// Whether `uri` could have been made from it.
    pub(super) fn matches(&self, uri: &str) -> bool {
        let Some(mut rest) = uri.strip_prefix(&self.head) else {
            return false;
        };
        let last = self.tail.len().saturating_sub(1);
        for (index, (wide, text)) in self.tail.iter().enumerate() {
            let found = match (text.is_empty(), index == last) {
                (true, true) => Some(rest.len()),
                (false, true) => rest
                    .ends_with(text.as_str())
                    .then(|| rest.len() - text.len()),
                (false, false) => rest.find(text.as_str()),
                // Two expressions side by side: the first ends where its segment does.
                (true, false) => Some(
                    rest.find(['/', '?', '#', '&', ';', '.'])
                        .unwrap_or(rest.len()),
                ),
            };
            let Some(at) = found else { return false };
            let (value, after) = rest.split_at(at);
            if !wide && (value.is_empty() || value.contains('/')) {
                return false;
            }
            rest = after.get(text.len()..).unwrap_or_default();
        }
        rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_matches_the_template_it_was_made_from_and_no_other() {
        for (template, uri, expected) in [
            ("test://t/{id}/data", "test://t/7/data", true),
            ("test://t/{id}/data", "test://t/7/8/data", false),
            ("test://t/{id}/data", "test://t//data", false),
            ("test://t/{id}/data", "test://t/7/date", false),
            ("file:///{+path}", "file:///a/b.txt", true),
            ("db://{table}/{row}", "db://users/1", true),
            ("db://{table}/{row}", "db://users", false),
            ("x://fixed", "x://fixed", true),
            ("x://fixed", "x://fixed2", false),
            ("s://{q}{?a,b}", "s://find?a=1", true),
        ] {
            assert_eq!(
                Template::new(template).matches(uri),
                expected,
                "{template} {uri}"
            );
        }
    }
}

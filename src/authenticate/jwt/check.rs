//! What the types of a `[tokens.<name>]` table cannot say.

use std::time::Duration;

use http::Uri;

use super::{TokenConfig, claims, config::REFRESH};
use crate::config::Fault;

const MOST_REFRESH: Duration = Duration::from_secs(24 * 3600);
const LEAST_REFRESH: Duration = Duration::from_secs(10);
const MOST_LEEWAY: Duration = Duration::from_secs(300);
/// RFC 7518 asks of a secret that it be as long as the hash; this is the shortest one.
const SHORTEST_SECRET: usize = 32;

impl TokenConfig {
    /// Finds what contradicts itself or cannot work. What stands in `key_file` is seen only by
    /// [`super::Tokens::new`].
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), Fault> {
        if self.issuer.is_empty() {
            return Err(Fault::at(["issuer"], "is empty"));
        }
        if self.audience.is_empty() || self.audience.iter().any(String::is_empty) {
            let message = "name at least one audience: what the issuer writes into `aud` of \
                           tokens for this gateway, often its URL";
            return Err(Fault::at(["audience"], message));
        }
        self.check_source()?;
        self.check_algorithms()?;
        if self.leeway > MOST_LEEWAY {
            return Err(Fault::at(
                ["leeway"],
                "at most 5 minutes: `exp` has a reason",
            ));
        }
        let names = [
            ("id", &self.claims.id),
            ("email", &self.claims.email),
            ("role", &self.claims.role),
        ];
        for (key, name) in names {
            if name.split('.').any(str::is_empty) {
                let message = "a claim's name, or names with a dot between each";
                return Err(Fault::at(["claims", key], message));
            }
        }
        for (claim, role) in self.roles.iter().flatten() {
            if let Err(problem) = claims::check_text(role) {
                return Err(Fault::at(["roles", claim], problem));
            }
        }
        Ok(())
    }

    fn check_source(&self) -> Result<(), Fault> {
        let sources = [
            self.secret.is_some(),
            self.key_file.is_some(),
            self.jwks_url.is_some(),
        ];
        if sources.into_iter().filter(|is_set| *is_set).count() != 1 {
            return Err(one_source());
        }
        if let Some(secret) = &self.secret
            && secret.reveal().len() < SHORTEST_SECRET
        {
            let message = "expected at least 32 bytes; `openssl rand -hex 32` prints such a secret";
            return Err(Fault::at(["secret"], message));
        }
        if self.jwks_refresh.is_some() && self.jwks_url.is_none() {
            return Err(Fault::at_key(["jwks_refresh"], "belongs to `jwks_url`"));
        }
        let refresh = self.jwks_refresh.unwrap_or(REFRESH);
        if !(LEAST_REFRESH..=MOST_REFRESH).contains(&refresh) {
            return Err(Fault::at(["jwks_refresh"], "from 10 seconds to a day"));
        }
        let url = self.jwks()?;
        let is_secure = url.is_some_and(|(uri, _)| uri.scheme_str() == Some("https"));
        if self.ca.is_some() && !is_secure {
            return Err(Fault::at_key(
                ["ca"],
                "belongs to a `jwks_url` with https://",
            ));
        }
        Ok(())
    }

    fn check_algorithms(&self) -> Result<(), Fault> {
        let Some(algorithms) = &self.algorithms else {
            return Ok(());
        };
        if algorithms.is_empty() {
            let message = "allows nothing; leave it out to allow what the keys can do";
            return Err(Fault::at(["algorithms"], message));
        }
        for (index, algorithm) in algorithms.iter().enumerate() {
            let message = match (algorithm.hmac(), &self.secret) {
                (Some(_), None) => "HS256, HS384 and HS512 need a `secret`, not a public key",
                (None, Some(_)) => "a `secret` goes with HS256, HS384 and HS512 only",
                (Some(_), Some(_)) | (None, None) => continue,
            };
            return Err(Fault::at(["algorithms", &index.to_string()], message));
        }
        Ok(())
    }

    /// Where keys are fetched, and how long they are good.
    pub(super) fn jwks(&self) -> Result<Option<(Uri, Duration)>, Fault> {
        let Some(url) = &self.jwks_url else {
            return Ok(None);
        };
        let uri = parse_url(url).map_err(|message| Fault::at(["jwks_url"], message))?;
        Ok(Some((uri, self.jwks_refresh.unwrap_or(REFRESH))))
    }
}

/// What is wrong when there is not exactly one source of keys.
pub(super) fn one_source() -> Fault {
    let message = "exactly one of `secret`, `key_file` and `jwks_url` says how tokens are verified";
    Fault::at([], message)
}

fn parse_url(url: &str) -> Result<Uri, &'static str> {
    let Ok(uri) = url.parse::<Uri>() else {
        return Err("not a URL; write it like \"https://idp.example.com/jwks\"");
    };
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err("must start with `https://` or `http://`");
    }
    if uri.host().unwrap_or_default().is_empty() {
        return Err("names no host");
    }
    if uri
        .authority()
        .is_some_and(|host| host.as_str().contains('@'))
    {
        return Err("public keys need no user and password");
    }
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authenticate::jwt::Algorithm;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn read(lines: &str) -> Result<TokenConfig, String> {
        let table = format!("issuer = \"i\"\naudience = [\"a\"]\n{lines}");
        toml::from_str(&table).map_err(|error| error.message().to_owned())
    }

    fn checked(lines: &str) -> Result<(), String> {
        let config = read(lines)?;
        config
            .check()
            .map_err(|fault| fault.under(["tokens", "corp"]).to_string())
    }

    #[test]
    fn a_table_says_all_it_can() {
        let config = read(&format!(
            "algorithms = [\"HS512\"]\nsecret = \"{SECRET}\"\nleeway = \"1m\"\n\
             claims = {{ id = \"a.b\" }}\nroles = {{ x = \"y\" }}"
        ));
        let config = config.unwrap();
        assert_eq!(config.check(), Ok(()));
        assert_eq!(config.algorithms(), [Algorithm::Hs512]);
        assert_eq!(config.leeway, Duration::from_secs(60));
        assert_eq!(
            (config.claims.id.as_str(), config.claims.role.as_str()),
            ("a.b", "roles")
        );
        assert!(!format!("{config:?}").contains(SECRET));
    }

    #[test]
    fn algorithms_default_to_what_the_key_can_do() {
        let secret = read(&format!("secret = \"{SECRET}\"")).unwrap();
        assert_eq!(secret.algorithms(), Algorithm::SHARED);
        let public = read("jwks_url = \"https://idp/jwks\"").unwrap();
        assert_eq!(public.algorithms(), Algorithm::PUBLIC);
    }

    #[test]
    fn what_cannot_work_is_named_and_never_repeated() {
        let secret = format!("secret = \"{SECRET}\"\n");
        let url = "jwks_url = \"https://idp/jwks\"\n";
        let cases = [
            (String::new(), "[tokens.corp]"),
            (format!("{secret}{url}"), "[tokens.corp]"),
            ("secret = \"short-and-guessable\"".into(), "`secret`"),
            (
                format!("{secret}algorithms = [\"HS256\", \"RS256\"]"),
                "`algorithms[1]`",
            ),
            (format!("{url}algorithms = [\"HS256\"]"), "`algorithms[0]`"),
            (format!("{url}algorithms = []"), "`algorithms`"),
            (format!("{url}algorithms = [\"none\"]"), "unknown variant"),
            (format!("{secret}jwks_refresh = \"1m\""), "`jwks_refresh`"),
            (format!("{url}jwks_refresh = \"1s\""), "`jwks_refresh`"),
            (format!("{url}jwks_refresh = \"2days\""), "`jwks_refresh`"),
            (format!("{secret}ca = \"ca.pem\""), "`ca`"),
            ("jwks_url = \"http://idp/\"\nca = \"ca.pem\"".into(), "`ca`"),
            (format!("{secret}leeway = \"1h\""), "`leeway`"),
            (
                format!("{secret}claims = {{ id = \"a..b\" }}"),
                "`claims.id`",
            ),
            (
                format!("{secret}claims = {{ role = \"\" }}"),
                "`claims.role`",
            ),
            (
                format!("{secret}roles = {{ admins = \"\" }}"),
                "`roles.admins`",
            ),
            (format!("{secret}colour = 1"), "unknown field"),
            (
                "jwks_url = \"ftp://idp/short-and-guessable\"".into(),
                "`jwks_url`",
            ),
            (
                "jwks_url = \"https://u:short-and-guessable@idp/\"".into(),
                "`jwks_url`",
            ),
            ("jwks_url = \"/short-and-guessable\"".into(), "`jwks_url`"),
        ];
        for (lines, expected) in cases {
            let words = checked(&lines).unwrap_err();
            assert!(words.contains(expected), "{lines}: {words}");
            assert!(
                !words.contains(SECRET) && !words.contains("guessable"),
                "{words}"
            );
        }
    }

    #[test]
    fn an_issuer_and_an_audience_are_required() {
        for lines in ["", "issuer = \"i\"", "audience = [\"a\"]"] {
            let table = format!("secret = \"{SECRET}\"\n{lines}");
            assert!(toml::from_str::<TokenConfig>(&table).is_err(), "{lines}");
        }
        for audience in ["[]", "[\"\"]"] {
            let table = format!("secret = \"{SECRET}\"\nissuer = \"i\"\naudience = {audience}");
            let config: TokenConfig = toml::from_str(&table).unwrap();
            assert!(config.check().unwrap_err().to_string().contains("audience"));
        }
    }
}

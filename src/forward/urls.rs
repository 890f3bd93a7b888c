//! `url = "…"` or `url = ["…", "…"]`: the address of a remote server, or those of its replicas.

use std::fmt;

use http::Uri;
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};

use super::config::Text;
use crate::config::Fault;

/// More replicas than this are none of one server. Who has been tried is kept in so many bits.
pub(super) const MOST: usize = 64;

/// The addresses of a remote server, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Urls {
    all: Vec<Text>,
    /// It is written as a list: its faults have an index.
    listed: bool,
}

impl Urls {
    /// The first of them.
    pub fn first(&self) -> &str {
        self.all.first().map(Text::as_str).unwrap_or_default()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(Text::as_str)
    }

    /// Whether TLS is spoken to one of them.
    pub(super) fn any_secure(&self) -> bool {
        let mut uris = self.iter().flat_map(str::parse::<Uri>);
        uris.any(|uri| uri.scheme_str() == Some("https"))
    }

    /// Finds what cannot be an address, or stands twice.
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.all.is_empty() {
            let message = "with no address there is nobody to connect to";
            return Err(Fault::at(["url"], message));
        }
        if self.all.len() > MOST {
            return Err(Fault::at(["url"], format!("expected at most {MOST}")));
        }
        for (index, url) in self.iter().enumerate() {
            let place = index.to_string();
            let wrong = |message: &str| match self.listed {
                true => Fault::at(["url", &place], message),
                false => Fault::at(["url"], message),
            };
            let uri = check_url(url).map_err(wrong)?;
            let mut before = self.iter().take(index).enumerate();
            let same = before.find(|(_, url)| url.parse::<Uri>().is_ok_and(|known| known == uri));
            if let Some((earlier, _)) = same {
                return Err(wrong(&format!("is the same address as `url[{earlier}]`")));
            }
        }
        Ok(())
    }
}

impl From<&str> for Urls {
    fn from(url: &str) -> Self {
        Self {
            all: vec![url.into()],
            listed: false,
        }
    }
}

impl<'de> Deserialize<'de> for Urls {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMore;
        impl<'de> Visitor<'de> for OneOrMore {
            type Value = Urls;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a URL or a list of URLs")
            }

            fn visit_str<E>(self, url: &str) -> Result<Urls, E> {
                Ok(url.into())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut urls: A) -> Result<Urls, A::Error> {
                let mut all = Vec::new();
                while let Some(url) = urls.next_element()? {
                    all.push(url);
                }
                Ok(Urls { all, listed: true })
            }
        }
        deserializer.deserialize_any(OneOrMore)
    }
}

/// An address as people may see it: what stands behind the path may be a secret.
pub(super) fn shown(url: &str) -> String {
    let shown = url.split_once(['?', '#']).map_or(url, |(shown, _)| shown);
    shown.to_owned()
}

fn check_url(url: &str) -> Result<Uri, &'static str> {
    let Ok(uri) = url.parse::<Uri>() else {
        return Err("not a URL; write it like \"http://127.0.0.1:8080/mcp\"");
    };
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err("must start with `http://` or `https://`");
    }
    if uri.host().unwrap_or_default().is_empty() {
        return Err("names no host");
    }
    let authority = uri.authority();
    if authority.is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("a user and password go into `headers`, as `Authorization`");
    }
    Ok(uri)
}

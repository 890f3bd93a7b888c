//! The names that tables have.

/// The name of a table, as written, with what may stand in it.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident: $longest:literal, $marks:literal, $rule:literal) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, ::serde::Deserialize
        )]
        #[serde(try_from = "String")]
        pub struct $name(::std::sync::Arc<str>);

        impl $name {
            /// The name, as written.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The same, for those who keep it.
            pub fn shared(&self) -> ::std::sync::Arc<str> {
                self.0.clone()
            }
        }

        impl TryFrom<String> for $name {
            type Error = &'static str;

            fn try_from(name: String) -> Result<Self, Self::Error> {
                let allowed = |c: char| c.is_ascii_alphanumeric() || $marks.contains(c);
                if (1..=$longest).contains(&name.len()) && name.chars().all(allowed) {
                    Ok(Self(name.into()))
                } else {
                    Err($rule)
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl ::std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

pub(crate) use name;

name!(
    /// The name of a `[servers.<name>]` table.
    ServerName: 32, "_-",
    "the name of a server is 1 to 32 letters, digits, `_` and `-`"
);

name!(
    /// Who holds a key: the name of a `[keys.<name>]` table, as the audit log shows it.
    KeyName: 64, "_-.@",
    "the name of a key is 1 to 64 letters, digits, `_`, `-`, `.` and `@`"
);

name!(
    /// Who holds a certificate: the name of a `[certificates.<name>]` table.
    CertificateName: 64, "_-.@",
    "the name of a certificate is 1 to 64 letters, digits, `_`, `-`, `.` and `@`"
);

name!(
    /// The name of a `[roles.<name>]` table.
    RoleName: 64, "_-.@:/",
    "the name of a role is 1 to 64 letters, digits, `_`, `-`, `.`, `@`, `:` and `/`"
);

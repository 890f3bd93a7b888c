//! As whom a process runs.

use std::{env, ffi::OsString, io};

use nix::unistd::{Gid, Group, Uid, User, geteuid, getgid, setgid, setuid};
use serde::{Deserialize, Serialize};

/// As whom a process is to run, by names or numbers of this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Identity {
    /// The user; nothing: as before.
    pub user: Option<String>,
    /// The group; nothing: that of the user.
    pub group: Option<String>,
}

impl Identity {
    /// What the environment says of the user, and so cannot be inherited by another one.
    pub const VARIABLES: [&str; 3] = ["HOME", "USER", "LOGNAME"];

    /// Becomes that user. Gives the variables to be set.
    pub(super) fn assume(&self) -> io::Result<Vec<(&'static str, OsString)>> {
        if self == &Self::default() {
            return Ok(Vec::new());
        }
        let user = self.user.as_deref().map(found_user).transpose()?;
        let group = self.group.as_deref().map(found_group).transpose()?;
        let gid = group.or(user.as_ref().and_then(|user| user.gid));
        let gid = match (gid, &self.user) {
            (Some(gid), _) => gid,
            (None, None) => getgid(),
            (None, Some(user)) => {
                let words = format!("`group` is missing: no user of this machine is `{user}`");
                return Err(io::Error::other(words));
            }
        };
        if !geteuid().is_root() {
            let words = "`user` and `group`: only root may launch a server as somebody else";
            return Err(io::Error::other(words));
        }
        become_member(user.as_ref().and_then(|user| user.name.as_deref()), gid)?;
        setgid(gid).map_err(|error| super::because("`group`", error))?;
        let Some(user) = user else {
            return Ok(Vec::new());
        };
        setuid(user.uid).map_err(|error| super::because("`user`", error))?;
        let mut variables = user.variables;
        // What the config says is more than what the machine does.
        variables.retain(|(name, _)| env::var_os(name).is_none());
        Ok(variables)
    }
}

struct Found {
    uid: Uid,
    gid: Option<Gid>,
    name: Option<String>,
    variables: Vec<(&'static str, OsString)>,
}

fn found_user(written: &str) -> io::Result<Found> {
    let number = written.parse().map(Uid::from_raw).ok();
    let user = match number {
        Some(uid) => User::from_uid(uid)?,
        None => User::from_name(written)?,
    };
    match (user, number) {
        (Some(user), _) => {
            let values = [
                user.dir.into(),
                user.name.clone().into(),
                user.name.clone().into(),
            ];
            Ok(Found {
                uid: user.uid,
                gid: Some(user.gid),
                name: Some(user.name),
                variables: Identity::VARIABLES.into_iter().zip(values).collect(),
            })
        }
        (None, Some(uid)) => Ok(Found {
            uid,
            gid: None,
            name: None,
            variables: Vec::new(),
        }),
        (None, None) => Err(io::Error::other(format!("`user`: there is no `{written}`"))),
    }
}

fn found_group(written: &str) -> io::Result<Gid> {
    if let Ok(number) = written.parse() {
        return Ok(Gid::from_raw(number));
    }
    let group = Group::from_name(written)?;
    let gid = group.map(|group| group.gid);
    gid.ok_or_else(|| io::Error::other(format!("`group`: there is no `{written}`")))
}

/// The groups of that user and this one, and no longer those of the gateway.
#[cfg(target_os = "linux")]
fn become_member(user: Option<&str>, gid: Gid) -> io::Result<()> {
    let joined = match user {
        Some(user) => nix::unistd::initgroups(&std::ffi::CString::new(user)?, gid),
        None => nix::unistd::setgroups(&[gid]),
    };
    joined.map_err(|error| super::because("`group`", error))
}

#[cfg(not(target_os = "linux"))]
fn become_member(_: Option<&str>, _: Gid) -> io::Result<()> {
    Err(io::Error::other("`user` and `group` need Linux"))
}

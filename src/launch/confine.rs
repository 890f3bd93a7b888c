//! A process confines itself.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
};

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus, Scope, path_beneath_rules,
};
use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

use super::Sandbox;

/// What programs need to start, find a host by its name and check its certificate: nothing that is
/// somebody's own. Of `/proc`, Landlock keeps the insides of other processes.
const READABLE: [&str; 39] = [
    "/bin",
    "/gnu/store",
    "/lib",
    "/lib32",
    "/lib64",
    "/nix/store",
    "/opt",
    "/proc",
    "/sbin",
    "/sys/devices/system/cpu",
    "/sys/fs/cgroup",
    "/usr",
    "/run/resolvconf",
    "/run/systemd/resolve",
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/crypto-policies",
    "/etc/fonts",
    "/etc/gai.conf",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/ld.so.preload",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/pki",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl",
    "/etc/timezone",
    "/etc/mtab",
    "/etc/terminfo",
];
const DEVICES: [&str; 6] = [
    "/dev/full",
    "/dev/null",
    "/dev/random",
    "/dev/tty",
    "/dev/urandom",
    "/dev/zero",
];

/// What is known of the kernel's rights; those that it does not have are left out.
const KNOWN: ABI = ABI::V9;

impl Sandbox {
    pub(super) fn apply(&self, program: &OsStr) -> io::Result<()> {
        for (key, path) in self.paths() {
            // Left out without a word, it would be missed much later.
            if let Err(error) = path.metadata() {
                let words = format!("`sandbox.{key}`: {}: {error}", path.display());
                return Err(io::Error::new(error.kind(), words));
            }
        }
        self.confine_files(program)?;
        match self.network {
            true => Ok(()),
            false => refuse_sockets().map_err(|error| wrong("`sandbox.network`", &error)),
        }
    }

    fn confine_files(&self, program: &OsStr) -> io::Result<()> {
        let wrong = |error| wrong("`sandbox`", &error);
        let rules = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
        let rules = rules.handle_access(AccessFs::from_all(ABI::V1));
        let rules = rules.map_err(|_unsupported| {
            io::Error::other("`sandbox`: this kernel has no Landlock, or it is switched off")
        })?;
        let rules = rules.set_compatibility(CompatLevel::BestEffort);
        let mut rules = rules
            .handle_access(AccessFs::from_all(KNOWN))
            .and_then(|rules| rules.scope(Scope::Signal))
            .map_err(wrong)?;
        if !self.network {
            let access = AccessNet::from_all(KNOWN);
            rules = rules.handle_access(access).map_err(wrong)?;
        }
        let (read, all) = (AccessFs::from_read(KNOWN), AccessFs::from_all(KNOWN));
        let confined = rules.create().and_then(|rules| {
            rules
                .add_rules(path_beneath_rules(READABLE, read))?
                .add_rules(path_beneath_rules(found(program), read))?
                .add_rules(path_beneath_rules(&self.read, read))?
                .add_rules(path_beneath_rules(DEVICES, all))?
                .add_rules(path_beneath_rules(&self.write, all))?
                .restrict_self()
        });
        match confined.map_err(wrong)?.ruleset {
            RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
            RulesetStatus::NotEnforced => Err(io::Error::other("`sandbox`: nothing is enforced")),
        }
    }
}

/// Where the program is.
fn found(program: &OsStr) -> Option<PathBuf> {
    if Path::new(program).components().count() > 1 {
        return Some(program.into());
    }
    let path = env::var_os("PATH")?;
    let mut files = env::split_paths(&path).map(|folder| folder.join(program));
    files.find(|file| file.is_file())
}

/// Refuses sockets but those of this machine's processes (which many programs speak over to
/// themselves) and of the kernel (which tell what addresses there are).
fn refuse_sockets() -> Result<(), seccompiler::Error> {
    let is_not = |family: i32| {
        let family = u64::from(family.unsigned_abs());
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, family)
    };
    let foreign = SeccompRule::new(vec![is_not(libc::AF_UNIX)?, is_not(libc::AF_NETLINK)?])?;
    let rules = BTreeMap::from([
        (libc::SYS_socket, vec![foreign]),
        // A way around the line above.
        (libc::SYS_io_uring_setup, Vec::new()),
    ]);
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EACCES.unsigned_abs()),
        env::consts::ARCH.try_into()?,
    )?;
    seccompiler::apply_filter(&BpfProgram::try_from(filter)?)
}

fn wrong(what: &str, error: &dyn std::fmt::Display) -> io::Error {
    io::Error::other(format!("{what}: {error}"))
}

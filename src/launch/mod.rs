//! How a child is set up: `mcpgate launch SETUP -- program arguments…`.
//!
//! What has to happen between `fork` and `exec` takes unsafe code. So the gateway launches itself,
//! sets that process up, and has it become the program. Both ends of the command line are here.

#[cfg(target_os = "linux")]
mod confine;
mod guard;
mod identity;
mod limits;
mod sandbox;

use std::{
    ffi::{OsStr, OsString},
    io::{self, Write},
    os::unix::process::CommandExt,
    process::{Command, ExitCode, ExitStatus},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

pub use guard::{GUARD, Guard, guard};
pub use identity::Identity;
pub use limits::Limits;
pub use sandbox::Sandbox;

/// The exit code of a launcher that could not become the program.
const FAILED: u8 = 121;
/// What its one line on stderr begins with.
const WORDS: &str = "mcpgate launch: ";

/// How a process is to be set up before it becomes the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// The process with which it is to end.
    parent: u32,
    /// What it may use.
    #[serde(default)]
    pub limits: Limits,
    /// As whom it runs.
    #[serde(default)]
    pub identity: Identity,
    /// What it may reach; nothing: whatever its user may.
    #[serde(default)]
    pub sandbox: Option<Sandbox>,
}

impl Setup {
    /// For a child of this process.
    pub fn here() -> Self {
        Self {
            parent: std::process::id(),
            limits: Limits::default(),
            identity: Identity::default(),
            sandbox: None,
        }
    }

    /// The arguments of this program that launch another one so, whose own come behind them.
    pub fn words(&self) -> [String; 3] {
        let setup = serde_json::to_string(self).unwrap_or_default();
        ["launch".to_owned(), setup, "--".to_owned()]
    }

    /// Becomes the program, the first of these words. Gives an exit code if it cannot; why is for
    /// [`failure`] to read.
    pub fn run(&self, words: &[OsString]) -> ExitCode {
        let error = match words.split_first() {
            Some((program, arguments)) => match self.apply(program) {
                Ok(variables) => Command::new(program).args(arguments).envs(variables).exec(),
                Err(error) => error,
            },
            None => io::Error::other("there is no program"),
        };
        // Nobody reads it: then nobody launched it who would want to know.
        drop(writeln!(io::stderr(), "{WORDS}{error}"));
        ExitCode::from(FAILED)
    }

    fn apply(&self, program: &OsStr) -> io::Result<Vec<(&'static str, OsString)>> {
        self.limits.apply()?;
        let variables = self.identity.assume()?;
        if let Some(sandbox) = &self.sandbox {
            sandbox.apply(program)?;
        }
        // Last: who becomes another user is no longer told of the parent's end.
        self.follow_parent()?;
        Ok(variables)
    }

    /// Ends with the parent, however that ends. Strictly, it ends with the thread that launched it:
    /// servers are launched on threads that last.
    #[cfg(target_os = "linux")]
    fn follow_parent(&self) -> io::Result<()> {
        use nix::{
            sys::{prctl::set_pdeathsig, signal::Signal},
            unistd::getppid,
        };
        set_pdeathsig(Signal::SIGKILL)?;
        // It may have ended before that was said. Then somebody else has become the parent.
        match u32::try_from(getppid().as_raw()) == Ok(self.parent) {
            true => Ok(()),
            false => Err(io::Error::other("the gateway is gone")),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn follow_parent(&self) -> io::Result<()> {
        Ok(())
    }
}

impl FromStr for Setup {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text)
    }
}

/// Whether this line of a child's stderr is what a launcher says that could not become the program.
pub fn has_failed(line: &str) -> bool {
    line.starts_with(WORDS)
}

/// Why a child never became the program, if that is how it ended; `last` is the last line that it
/// wrote to stderr.
pub fn failure(status: ExitStatus, last: Option<&str>) -> Option<&str> {
    let words = last.and_then(|line| line.strip_prefix(WORDS));
    words.filter(|_| status.code() == Some(FAILED.into()))
}

/// An error of the system, and what it is about.
fn because(what: impl std::fmt::Display, error: nix::Error) -> io::Error {
    let error = io::Error::from(error);
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

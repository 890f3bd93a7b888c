//! Where a client keeps its file.

use std::path::{Path, PathBuf};

/// What a client runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// Linux, and others that keep to the XDG folders.
    Linux,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
}

impl System {
    /// That of this machine.
    pub const fn here() -> Self {
        if cfg!(target_os = "macos") {
            Self::MacOs
        } else if cfg!(windows) {
            Self::Windows
        } else {
            Self::Linux
        }
    }
}

/// A file of one person, on each system. `~` is the home, `~/.config` what XDG_CONFIG_HOME says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Files {
    /// On Linux.
    pub linux: &'static str,
    /// On macOS.
    pub macos: &'static str,
    /// On Windows.
    pub windows: &'static str,
    /// The variable that names the folder of the file, if somebody has moved it.
    pub moved_by: Option<&'static str>,
}

impl Files {
    /// At the same place in every home.
    pub(super) const fn at_home(path: &'static str) -> Self {
        Self {
            linux: path,
            macos: path,
            windows: path,
            moved_by: None,
        }
    }

    /// All places, as they are written.
    pub fn all(self) -> [&'static str; 3] {
        [self.linux, self.macos, self.windows]
    }

    /// As it is written for a system.
    pub fn on(self, system: System) -> &'static str {
        match system {
            System::Linux => self.linux,
            System::MacOs => self.macos,
            System::Windows => self.windows,
        }
    }
}

/// A machine that clients are looked for on.
#[derive(Clone, Copy)]
pub struct Machine<'a> {
    /// What it runs.
    pub system: System,
    /// Looks up a variable.
    pub variable: &'a dyn Fn(&str) -> Option<PathBuf>,
}

impl Machine<'static> {
    /// This one, seen by this process.
    pub fn this() -> Self {
        Self {
            system: System::here(),
            variable: &|name| std::env::var_os(name).map(PathBuf::from),
        }
    }
}

impl Machine<'_> {
    /// Where a file of this person is; nothing if nobody knows where the home is.
    pub fn path(&self, files: Files) -> Option<PathBuf> {
        let written = files.on(self.system);
        let name = Path::new(written).file_name()?;
        let moved = files.moved_by.and_then(|name| self.folder(name));
        if let Some(folder) = moved {
            return Some(folder.join(name));
        }
        if let Some(rest) = written.strip_prefix("%APPDATA%/") {
            let roaming = self.folder("APPDATA");
            let usual = || Some(self.home()?.join("AppData/Roaming"));
            return Some(roaming.or_else(usual)?.join(rest));
        }
        let rest = written.strip_prefix("~/")?;
        let of_xdg = rest
            .strip_prefix(".config/")
            .filter(|_| self.system == System::Linux)
            .and_then(|rest| Some(self.folder("XDG_CONFIG_HOME")?.join(rest)));
        of_xdg.or_else(|| Some(self.home()?.join(rest)))
    }

    fn home(&self) -> Option<PathBuf> {
        self.folder(match self.system {
            System::Windows => "USERPROFILE",
            System::Linux | System::MacOs => "HOME",
        })
    }

    /// A relative path in such a variable is to be ignored, as the XDG specification says.
    fn folder(&self, variable: &str) -> Option<PathBuf> {
        let folder = (self.variable)(variable)?;
        (folder.is_absolute() || self.system == System::Windows).then_some(folder)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Client, *};

    fn path(client: Client, system: System, variables: &[(&str, &str)]) -> Option<String> {
        let machine = Machine {
            system,
            variable: &|name| {
                let found = variables.iter().find(|(known, _)| *known == name)?;
                Some(PathBuf::from(found.1))
            },
        };
        let path = machine.path(client.facts().user?)?;
        Some(path.display().to_string())
    }

    #[test]
    fn each_system_has_its_own_place() {
        let claude = |system, variables| path(Client::ClaudeDesktop, system, variables).unwrap();
        assert_eq!(
            claude(System::Linux, &[("HOME", "/home/sam")]),
            "/home/sam/.config/Claude/claude_desktop_config.json"
        );
        assert_eq!(
            claude(System::MacOs, &[("HOME", "/Users/sam")]),
            "/Users/sam/Library/Application Support/Claude/claude_desktop_config.json"
        );
        assert_eq!(
            claude(System::Windows, &[("APPDATA", "C:/Roaming")]),
            "C:/Roaming/Claude/claude_desktop_config.json"
        );
    }

    #[test]
    fn xdg_moves_what_is_in_config_on_linux_alone() {
        let variables = [("HOME", "/h"), ("XDG_CONFIG_HOME", "/xdg")];
        let zed = |system| path(Client::Zed, system, &variables).unwrap();
        assert_eq!(zed(System::Linux), "/xdg/zed/settings.json");
        assert_eq!(zed(System::MacOs), "/h/.config/zed/settings.json");
    }

    #[test]
    fn claude_code_can_be_moved() {
        let moved = [("HOME", "/h"), ("CLAUDE_CONFIG_DIR", "/c")];
        let found = path(Client::ClaudeCode, System::Linux, &moved);
        assert_eq!(found.unwrap(), "/c/.claude.json");
    }

    #[test]
    fn without_a_home_there_is_no_place() {
        assert_eq!(path(Client::Cursor, System::Linux, &[]), None);
        assert_eq!(path(Client::Cursor, System::Linux, &[("HOME", "x")]), None);
    }
}

//! The paths of `[gateway]`: what the config says, or else the system.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::GatewayConfig;

impl GatewayConfig {
    /// Where operators reach a gateway with this config; `variable` looks into the environment.
    pub fn control_socket(&self, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        if let Some(path) = &self.control_socket {
            return Some(path.clone()).filter(|path| !path.as_os_str().is_empty());
        }
        let folders = ["RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"].into_iter();
        let folder = folders.filter_map(|name| folder(&variable, name)).next();
        folder.map(|folder| folder.join("mcpgate.sock"))
    }

    /// Where a gateway with this config keeps what outlives it; `variable` looks into the
    /// environment. Empty: it is to keep nothing.
    pub fn state_dir(&self, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        if let Some(folder) = &self.state_dir {
            return Some(folder.clone());
        }
        let of_user = || Some(folder(&variable, "XDG_STATE_HOME")?.join("mcpgate"));
        let at_home = || Some(folder(&variable, "HOME")?.join(".local/state/mcpgate"));
        folder(&variable, "STATE_DIRECTORY")
            .or_else(of_user)
            .or_else(at_home)
    }

    /// Makes what is relative to the folder of the config file absolute.
    pub(crate) fn resolve(&mut self, folder: &Path) {
        let paths = [&mut self.control_socket, &mut self.state_dir];
        let set = paths.into_iter().flatten();
        for path in set.filter(|path| !path.as_os_str().is_empty()) {
            *path = folder.join(&*path);
        }
        if let Some(tls) = &mut self.tls {
            tls.resolve(folder);
        }
    }
}

/// systemd.exec(5): several are divided by colons. A path that is relative means nothing.
fn folder(variable: impl Fn(&str) -> Option<OsString>, name: &str) -> Option<PathBuf> {
    let value = variable(name)?.into_string().ok()?;
    let first = value.split(':').next().unwrap_or_default();
    Some(PathBuf::from(first)).filter(|folder| folder.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(configured: Option<&str>, variables: &[(&str, &str)]) -> Option<String> {
        let config = GatewayConfig {
            control_socket: configured.map(PathBuf::from),
            ..GatewayConfig::default()
        };
        let path = config.control_socket(|name| {
            let set = variables.iter().find(|(variable, _)| *variable == name)?;
            Some(set.1.into())
        });
        path.map(|path| path.display().to_string())
    }

    #[test]
    fn the_control_socket_is_where_the_config_says_or_the_system_has_such_things() {
        let user = ("XDG_RUNTIME_DIR", "/run/user/1000");
        let of_user = Some("/run/user/1000/mcpgate.sock".to_owned());
        let unit = ("RUNTIME_DIRECTORY", "/run/mcpgate:/run/other");
        assert_eq!(found(None, &[]), None);
        assert_eq!(found(None, &[user]), of_user);
        let of_unit = Some("/run/mcpgate/mcpgate.sock".to_owned());
        assert_eq!(found(None, &[user, unit]), of_unit);
        assert_eq!(found(None, &[user, ("RUNTIME_DIRECTORY", "here")]), of_user);
        assert_eq!(found(Some("/x.sock"), &[user]), Some("/x.sock".to_owned()));
        assert_eq!(found(Some(""), &[user]), None);
    }

    #[test]
    fn the_folder_is_that_of_the_config_of_systemd_or_of_the_user() {
        let found = |config: Option<&str>, variables: &[(&str, &str)]| {
            let config = GatewayConfig {
                state_dir: config.map(PathBuf::from),
                ..GatewayConfig::default()
            };
            let folder = config.state_dir(|name| {
                let set = variables.iter().find(|(variable, _)| *variable == name)?;
                Some(set.1.into())
            });
            folder.map(|folder| folder.display().to_string())
        };
        let (home, unit) = (("HOME", "/h"), ("STATE_DIRECTORY", "/var/lib/a:/var/lib/b"));
        let xdg = ("XDG_STATE_HOME", "/s");
        assert_eq!(found(None, &[]), None);
        assert_eq!(found(None, &[home]).unwrap(), "/h/.local/state/mcpgate");
        assert_eq!(found(None, &[home, xdg]).unwrap(), "/s/mcpgate");
        assert_eq!(found(None, &[home, xdg, unit]).unwrap(), "/var/lib/a");
        assert_eq!(
            found(None, &[("XDG_STATE_HOME", "here"), home]).unwrap(),
            "/h/.local/state/mcpgate"
        );
        assert_eq!(found(Some("/x"), &[home, unit]).unwrap(), "/x");
        assert_eq!(found(Some(""), &[home]).unwrap(), "");
    }
}

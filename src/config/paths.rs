//! Where the files are.

use std::path::{Path, PathBuf};

use super::ConfigError;

/// Where the files are, found once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    config: PathBuf,
    policies: PathBuf,
    policies_expected: bool,
}

impl Paths {
    /// The files a person named, or the first config file in the usual places.
    ///
    /// Policies are in the folder `policies` beside the config file unless named. That folder may
    /// be absent; a named one may not, or a typo would quietly take every key away.
    ///
    /// # Errors
    ///
    /// When there is no config file.
    pub fn find(config: Option<PathBuf>, policies: Option<PathBuf>) -> Result<Self, ConfigError> {
        let places = config.map_or_else(
            || usual_places(|name| std::env::var_os(name).map(PathBuf::from)),
            |named| vec![named],
        );
        // Anything but "not there" is for the loader to report: the file was meant.
        match places
            .iter()
            .find(|place| place.try_exists().unwrap_or(true))
        {
            Some(config) => Ok(Self::named(config.clone(), policies)),
            None => Err(ConfigError::NotFound(places)),
        }
    }

    /// These files, whether they are there or not.
    pub fn named(config: PathBuf, policies: Option<PathBuf>) -> Self {
        Self {
            policies_expected: policies.is_some(),
            policies: policies.unwrap_or_else(|| config.with_file_name("policies")),
            config,
        }
    }

    /// Where the config file of this person is, or would be.
    pub fn of_this_person() -> Option<PathBuf> {
        let places = usual_places(|name| std::env::var_os(name).map(PathBuf::from));
        places
            .into_iter()
            .find(|place| place.ends_with("mcpgate/servers.toml"))
    }

    /// The config file.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// The folder of the policy files.
    pub fn policies(&self) -> &Path {
        &self.policies
    }

    pub(super) fn policies_expected(&self) -> bool {
        self.policies_expected
    }
}

fn usual_places(variable: impl Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
    // The XDG specification: a relative path in the variable is to be ignored.
    let of_this_person = variable("XDG_CONFIG_HOME")
        .filter(|folder| folder.is_absolute())
        .or_else(|| variable("HOME").map(|home| home.join(".config")));
    [
        Some(PathBuf::from("servers.toml")),
        of_this_person.map(|folder| folder.join("mcpgate/servers.toml")),
        Some(PathBuf::from("/etc/mcpgate/servers.toml")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(variables: &[(&str, &str)]) -> Vec<String> {
        let places = usual_places(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name)?;
            Some(PathBuf::from(found.1))
        });
        places
            .iter()
            .map(|place| place.display().to_string())
            .collect()
    }

    #[test]
    fn the_nearest_config_file_comes_first() {
        assert_eq!(
            places(&[("HOME", "/home/sam")]),
            [
                "servers.toml",
                "/home/sam/.config/mcpgate/servers.toml",
                "/etc/mcpgate/servers.toml"
            ]
        );
        assert_eq!(
            places(&[("HOME", "/home/sam"), ("XDG_CONFIG_HOME", "/xdg")]),
            [
                "servers.toml",
                "/xdg/mcpgate/servers.toml",
                "/etc/mcpgate/servers.toml"
            ]
        );
    }

    #[test]
    fn a_relative_xdg_folder_is_ignored() {
        assert_eq!(
            places(&[("XDG_CONFIG_HOME", "xdg")]),
            ["servers.toml", "/etc/mcpgate/servers.toml"]
        );
    }
}

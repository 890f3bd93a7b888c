//! Where a change can be that changes what a configuration is read from.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    path::{Path, PathBuf},
};

use crate::config::{Files, Paths};

/// More links than this lead in circles.
const LINKS: usize = 40;

/// The files, the links that lead to them, and the folder of policies. All folders that they stand in
/// are named without links, as the system tells of changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Places {
    files: BTreeSet<PathBuf>,
    folders: BTreeSet<PathBuf>,
    /// Any file may come there.
    policies: Option<PathBuf>,
}

impl Places {
    /// Those of these files. Waits for the disk.
    pub(super) fn of(paths: &Paths, files: &Files) -> Self {
        let mut places = Self::default();
        // Named ones, too: a file that is not there has not been read.
        for path in files.names().chain([paths.config(), paths.policies()]) {
            places.add(path);
        }
        places.policies = paths.policies().canonicalize().ok();
        let parents = places.files.iter().filter_map(|file| file.parent());
        places.folders = parents.map(Path::to_path_buf).collect();
        places.folders.extend(places.policies.clone());
        places
    }

    /// The folders to be watched.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.folders.iter().map(PathBuf::as_path)
    }

    /// Whether a change there counts.
    pub(super) fn have(&self, path: &Path) -> bool {
        let is_policy = path.extension().is_some_and(|kind| kind == "toml")
            && path.parent() == self.policies.as_deref();
        is_policy || self.files.contains(path) || self.folders.contains(path)
    }

    /// Goes to a file step by step, and notes each link on the way.
    fn add(&mut self, path: &Path) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let mut here = PathBuf::from("/");
        let mut ahead = steps(&path);
        let mut links = 0;
        while let Some(step) = ahead.pop() {
            if step == "/" {
                here = PathBuf::from("/");
            } else if step == ".." {
                here.pop();
            } else {
                here.push(step);
                match here.read_link() {
                    Ok(target) if links < LINKS => {
                        links += 1;
                        self.files.insert(here.clone());
                        here.pop();
                        ahead.extend(steps(&target));
                    }
                    Ok(_) | Err(_) if ahead.is_empty() || !here.exists() => break,
                    Ok(_) | Err(_) => {}
                }
            }
        }
        self.files.insert(here);
    }
}

/// The last first.
fn steps(path: &Path) -> Vec<OsString> {
    let steps = path.components().rev();
    let steps = steps.map(|step| step.as_os_str().to_owned());
    steps.filter(|step| step != ".").collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn every_link_on_the_way_to_a_file_counts() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("releases/1/policies")).unwrap();
        fs::write(root.join("releases/1/real.toml"), "").unwrap();
        symlink("releases/1", root.join("..data")).unwrap();
        symlink("..data/real.toml", root.join("servers.toml")).unwrap();
        symlink("..data/policies", root.join("policies")).unwrap();
        let paths = Paths::find(Some(root.join("servers.toml")), None).unwrap();

        let places = Places::of(&paths, &Files::default());

        for counts in [
            "servers.toml",
            "..data",
            "releases/1/real.toml",
            "policies",
            "releases/1/policies/new.toml",
        ] {
            assert!(places.have(&root.join(counts)), "{counts}: {places:?}");
        }
        for no_matter in ["audit.jsonl", "releases/2", "releases/1/policies/new.toml~"] {
            assert!(!places.have(&root.join(no_matter)), "{no_matter}");
        }
        let watched: BTreeSet<&Path> = places.folders().collect();
        let folders = ["", "releases/1", "releases/1/policies"].map(|name| root.join(name));
        let folders: BTreeSet<PathBuf> = folders
            .iter()
            .map(|folder| folder.components().collect())
            .collect();
        assert_eq!(watched, folders.iter().map(PathBuf::as_path).collect());
    }

    #[test]
    fn of_what_is_not_there_the_nearest_folder_is_watched() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::write(root.join("servers.toml"), "").unwrap();
        let paths = Paths::find(Some(root.join("servers.toml")), Some(root.join("a/b/c")));

        let places = Places::of(&paths.unwrap(), &Files::default());

        assert!(places.have(&root.join("a")));
        assert_eq!(places.folders().collect::<Vec<_>>(), [root.as_path()]);
    }
}

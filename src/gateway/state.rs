//! What outlives the process, in `[gateway] state_dir`: the key that seals the ids of sessions. What
//! those want to hear of is in `wishes`.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::GatewayConfig;
use crate::{seal::Key, session::random_id};

/// The file of the key.
const FILE: &str = "session.key";

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Others have seen it, or may have written it.
    #[error(
        "{0} is open to others (mode {1:04o}): whoever has read it can make up sessions; remove it, and a new one is made"
    )]
    Loose(PathBuf, u32),
    /// It is not what was written there.
    #[error("{0} is no key of {len} bytes: remove it, and a new one is made", len = Key::LENGTH)]
    Wrong(PathBuf),
    /// A folder or a file cannot be used.
    #[error("{0}: {1} ([gateway] state_dir)")]
    Io(PathBuf, #[source] io::Error),
}

/// What outlives the process.
pub struct State {
    /// What seals the ids of sessions.
    pub key: Key,
    /// Where it is kept, and what sessions want to hear of.
    pub folder: PathBuf,
}

/// What outlives the process; the key is made if there is none yet. Nothing where nothing can be
/// kept, of which the log says why: sessions then end with the process.
///
/// `variable` looks into the environment.
///
/// # Errors
/// When somebody has named a folder that cannot be used, or the key there is no secret or no key.
pub fn state(
    config: &GatewayConfig,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<State>, StateError> {
    let Some(folder) = config.state_dir(variable) else {
        tracing::warn!("nowhere to keep the key of sessions ([gateway] state_dir): {MEMORY}");
        return Ok(None);
    };
    if folder.as_os_str().is_empty() {
        return Ok(None);
    }
    match key_in(&folder) {
        Ok(key) => Ok(Some(State { key, folder })),
        Err(error @ StateError::Io(..)) if config.state_dir.is_none() => {
            tracing::warn!("{error}: {MEMORY}");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

const MEMORY: &str = "a restart ends all sessions";

/// The key in a folder. Several processes that start at once agree on one.
fn key_in(folder: &Path) -> Result<Key, StateError> {
    let file = folder.join(FILE);
    let failed = |error| StateError::Io(file.clone(), error);
    if let Some(key) = read(&file)? {
        return Ok(key);
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| StateError::Io(folder.to_owned(), error))?;
    write(&file).map_err(failed)?;
    read(&file)?.ok_or_else(|| failed(ErrorKind::NotFound.into()))
}

/// The key of a file, if it is there.
fn read(path: &Path) -> Result<Option<Key>, StateError> {
    let failed = |error| StateError::Io(path.to_owned(), error);
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mode = file.metadata().map_err(failed)?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(StateError::Loose(path.to_owned(), mode));
    }
    let mut bytes = Vec::with_capacity(Key::LENGTH + 1);
    let mut some = file.take(Key::LENGTH as u64 + 1);
    some.read_to_end(&mut bytes).map_err(failed)?;
    let key = bytes.as_slice().try_into().ok().and_then(Key::new);
    key.map(Some)
        .ok_or_else(|| StateError::Wrong(path.to_owned()))
}

/// Writes a new key, unless another process has been faster: a name appears with all that is in
/// the file, and only once.
fn write(path: &Path) -> io::Result<()> {
    let mut key = [0; Key::LENGTH];
    getrandom::fill(&mut key)?;
    let name = random_id().ok_or(ErrorKind::Unsupported)?;
    let draft = path.with_file_name(format!("{FILE}.{name}"));
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft);
    let mut file = file?;
    let written = file.write_all(&key).and_then(|()| file.sync_all());
    let named = written.and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft)?;
    match named {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        named => named,
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt, thread};

    use super::*;

    #[test]
    fn many_that_start_at_once_agree_on_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("a/b");
        let start = std::sync::Barrier::new(16);
        let keys: Vec<Key> = thread::scope(|scope| {
            let racer = || {
                start.wait();
                key_in(&state).unwrap()
            };
            let racers: Vec<_> = (0..16).map(|_| scope.spawn(racer)).collect();
            racers
                .into_iter()
                .map(|racer| racer.join().unwrap())
                .collect()
        });

        let sealed = keys[0].close("x", b"secret").unwrap();
        for key in &keys {
            assert_eq!(key.open("x", sealed.clone()).unwrap(), b"secret");
        }
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
        assert_eq!((mode(&state), mode(&state.join(FILE))), (0o700, 0o600));
        assert_eq!(fs::read_dir(&state).unwrap().count(), 1, "no drafts remain");
    }

    #[test]
    fn a_key_that_others_may_read_or_that_is_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        key_in(folder.path()).unwrap();
        let file = folder.path().join(FILE);
        for mode in [0o640, 0o604, 0o620, 0o602] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            let refused = key_in(folder.path()).err().unwrap().to_string();
            assert!(refused.contains(&format!("{mode:04o}")), "{refused}");
        }
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        for length in [0, 31, 33] {
            fs::write(&file, vec![7; length]).unwrap();
            let refused = key_in(folder.path()).err().unwrap();
            assert!(matches!(refused, StateError::Wrong(_)), "{length}");
        }
    }

    #[test]
    fn only_a_folder_that_somebody_has_named_must_be_usable() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("file");
        fs::write(&taken, "").unwrap();
        let named = |path: Option<&Path>| GatewayConfig {
            state_dir: path.map(Path::to_owned),
            ..GatewayConfig::default()
        };
        let of_systemd = |name: &str| (name == "STATE_DIRECTORY").then(|| taken.clone().into());

        assert!(super::state(&named(Some(&taken)), |_| None).is_err());
        let kept = super::state(&named(None), of_systemd).unwrap();
        assert!(kept.is_none());
        assert!(super::state(&named(None), |_| None).unwrap().is_none());
    }
}

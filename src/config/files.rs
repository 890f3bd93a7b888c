//! Which files a configuration was read from, and what was in them.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::ConfigError;

/// Larger than any secret, small enough that `${file:/dev/zero}` is an error and not the end.
const LARGEST: u64 = 64 * 1024;
/// Larger than any bundle of certificates, or list of those that were taken back.
const LARGEST_BYTES: u64 = 16 * 1024 * 1024;

/// Every file that was read, under the name by which it was, and a hash of its content: where two
/// are equal, nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Files(BTreeMap<PathBuf, [u8; 32]>);

impl Files {
    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &Path> {
        self.0.keys().map(PathBuf::as_path)
    }

    /// One that is empty and was not before: whoever writes it has only begun.
    pub(crate) fn emptied(&self, before: &Self) -> Option<&Path> {
        let empty: [u8; 32] = Sha256::digest([]).into();
        let was_not = |path| before.0.get(path).is_some_and(|before| *before != empty);
        let mut files = self.0.iter();
        let found = files.find(|(path, digest)| **digest == empty && was_not(*path));
        found.map(|(path, _)| path.as_path())
    }
}

/// Reads files, and remembers which.
#[derive(Default)]
pub(super) struct Reader(RefCell<Files>);

impl Reader {
    /// All that was read.
    pub(super) fn files(self) -> Files {
        self.0.into_inner()
    }

    /// Reads a TOML file.
    pub(super) fn document(&self, path: &Path) -> Result<String, ConfigError> {
        let read = std::fs::read_to_string(path);
        let text = read.map_err(|error| ConfigError::Unreadable(path.into(), error))?;
        self.note(path, text.as_bytes());
        Ok(text)
    }

    /// Reads the value of a `${file:…}`, which loses one newline at its end.
    pub(super) fn value(&self, path: &Path) -> std::io::Result<String> {
        let mut text = String::new();
        let read = File::open(path)?
            .take(LARGEST + 1)
            .read_to_string(&mut text)?;
        if read as u64 > LARGEST {
            return Err(std::io::Error::other("it is larger than 64 KiB"));
        }
        self.note(path, text.as_bytes());
        if text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        Ok(text)
    }

    /// Reads a file as it is.
    pub(super) fn bytes(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        let mut content = Vec::new();
        let mut file = File::open(path)?.take(LARGEST_BYTES + 1);
        if file.read_to_end(&mut content)? as u64 > LARGEST_BYTES {
            return Err(std::io::Error::other("it is larger than 16 MiB"));
        }
        self.note(path, &content);
        Ok(content)
    }

    /// Remembers a file that somebody else reads, who will say what is wrong with it.
    pub(super) fn look(&self, path: &Path) {
        let mut content = Vec::new();
        let read = File::open(path).and_then(|file| file.take(LARGEST).read_to_end(&mut content));
        if read.is_ok() {
            self.note(path, &content);
        }
    }

    fn note(&self, path: &Path, content: &[u8]) {
        let digest = Sha256::digest(content).into();
        self.0.borrow_mut().0.insert(path.to_path_buf(), digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_loses_one_newline_at_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        for (content, value) in [("k", "k"), ("k\n", "k"), ("k\r\n", "k"), ("k\n\n", "k\n")] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(Reader::default().value(&path).unwrap(), value);
        }
    }

    #[test]
    fn a_file_without_end_is_an_error() {
        assert!(Reader::default().value(Path::new("/dev/zero")).is_err());
    }
}

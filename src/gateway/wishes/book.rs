//! The file, and how it is replaced.

use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::written::{Entry, MOST, VERSION, Written, seconds};
use crate::{
    admin::turn,
    session::{LIFE, Mark, Wishes, random_id},
};

const FILE: &str = "wishes.json";

/// The file.
pub(super) struct Book {
    pub(super) path: PathBuf,
    /// Those whose entries are for us to replace.
    ours: HashSet<Mark>,
    failing: bool,
    crowded: bool,
}

impl Book {
    /// The one in that folder.
    pub(super) fn within(folder: &Path) -> Self {
        Self {
            path: folder.join(FILE),
            ours: HashSet::new(),
            failing: false,
            crowded: false,
        }
    }

    /// Writes down what is to be kept, and logs if that fails. Waits for the disk.
    pub(super) fn keep(&mut self, wishes: Wishes) {
        match self.write(wishes) {
            Ok(()) => self.failing = false,
            Err(error) if !self.failing => {
                self.failing = true;
                let path = self.path.display();
                tracing::warn!("{path}: {error}: a restart ends subscriptions");
            }
            Err(error) => tracing::debug!("{}: {error}", self.path.display()),
        }
    }

    /// What is there. Waits for the disk.
    ///
    /// # Errors
    /// When it cannot be read, or is not what was written.
    pub(super) fn read(&self) -> io::Result<Written> {
        let mut text = Vec::new();
        match File::open(&self.path) {
            Ok(file) => file.take(MOST as u64 + 1).read_to_end(&mut text)?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Written::none()),
            Err(error) => return Err(error),
        };
        let written: Written = serde_json::from_slice(&text)?;
        match written.version {
            VERSION => Ok(written),
            version => Err(io::Error::other(format!(
                "its version {version} is not known"
            ))),
        }
    }

    fn write(&mut self, Wishes { now, taken, beyond }: Wishes) -> io::Result<()> {
        self.ours.extend(taken);
        let _turn = turn(&self.path);
        // One that cannot be read is lost already.
        let mut all = self.read().unwrap_or_else(|_broken| Written::none());
        let today = seconds();
        all.sessions
            .retain(|mark, entry| entry.until > today && !self.ours.contains(mark));
        let marks = now.keys().cloned().collect();
        let until = today + LIFE.as_secs();
        let entries = now
            .into_iter()
            .map(|(mark, wish)| (mark, Entry::of(wish, until)));
        all.sessions.extend(entries);
        self.count(all.fit() + beyond);
        self.replace(&serde_json::to_vec(&all)?)?;
        self.ours = marks;
        Ok(())
    }

    /// So many could not be kept.
    fn count(&mut self, beyond: usize) {
        if beyond > 0 && !self.crowded {
            tracing::warn!(
                "{}: {beyond} sessions have subscribed to more than there is room for: a restart ends \
                 those subscriptions",
                self.path.display()
            );
        }
        self.crowded = beyond > 0;
    }

    fn replace(&self, text: &[u8]) -> io::Result<()> {
        let name = random_id().ok_or(ErrorKind::Unsupported)?;
        let draft = self.path.with_file_name(format!("{FILE}.{name}"));
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)?;
        let written = file.write_all(text);
        let named = written.and_then(|()| fs::rename(&draft, &self.path));
        if named.is_err() {
            fs::remove_file(&draft)?;
        }
        named
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;
    use crate::{
        call::{Level, ServerName},
        session::Wish,
    };

    fn wish(uri: &str) -> Wish {
        let server = ServerName::try_from("up".to_owned()).unwrap();
        Wish {
            level: Some(Level::Warning),
            resources: vec![(server, uri.to_owned())],
        }
    }

    fn wishes(all: &[(&str, &str)], taken: &[&str]) -> Wishes {
        let now = all
            .iter()
            .map(|(mark, uri)| ((*mark).to_owned(), wish(uri)));
        let taken = taken.iter().map(|mark| (*mark).to_owned());
        Wishes {
            now: now.collect(),
            taken: taken.collect(),
            beyond: 0,
        }
    }

    #[test]
    fn gateways_that_share_a_folder_replace_only_what_is_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let (mut one, mut other) = (Book::within(folder.path()), Book::within(folder.path()));
        one.write(wishes(&[("a", "x://a"), ("b", "x://b")], &[]))
            .unwrap();
        other.write(wishes(&[("c", "x://c")], &[])).unwrap();
        // The session `b` has ended, and `a` come back to the other.
        one.write(wishes(&[("a", "x://a")], &[])).unwrap();
        other.write(wishes(&[("a", "x://2")], &["a"])).unwrap();

        let read = one.read().unwrap().wishes();
        assert_eq!(read, wishes(&[("a", "x://2")], &[]).now, "{read:?}");
        let mode = one.path.metadata().unwrap().mode() & 0o7777;
        assert_eq!(mode, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_too_old_is_forgotten_and_too_much_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let mut book = Book::within(folder.path());
        let mut old = Written::none();
        let entry = Entry::of(wish("x://old"), seconds() - 1);
        old.sessions.insert("old".to_owned(), entry);
        book.replace(&serde_json::to_vec(&old).unwrap()).unwrap();
        assert!(book.read().unwrap().wishes().is_empty());

        let long = format!("x://{}", "a".repeat(8000));
        let many: Vec<String> = (0..600).map(|number| number.to_string()).collect();
        let many: Vec<_> = many
            .iter()
            .map(|mark| (mark.as_str(), long.as_str()))
            .collect();
        book.write(wishes(&many, &[])).unwrap();

        let kept = book.read().unwrap().wishes();
        assert!((500..600).contains(&kept.len()), "{}", kept.len());
        assert!(!kept.contains_key("old"));
    }

    #[test]
    fn a_broken_file_is_replaced_and_a_folder_that_is_gone_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let mut book = Book::within(folder.path());
        for broken in ["", "{", r#"{"version":2,"sessions":{}}"#] {
            fs::write(&book.path, broken).unwrap();
            fs::set_permissions(&book.path, fs::Permissions::from_mode(0o644)).unwrap();
            assert!(book.read().is_err());
            book.write(wishes(&[("a", "x://a")], &[])).unwrap();
            assert_eq!(book.read().unwrap().wishes().len(), 1);
        }
        folder.close().unwrap();
        assert!(book.write(wishes(&[], &["a"])).is_err());
    }
}

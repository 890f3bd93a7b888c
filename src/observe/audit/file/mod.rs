//! The file: appended to, rotated before it grows too large, and told apart from one that somebody
//! has put in its place.
//!
//! Several processes may write one file (each client launches its own `mcpgate stdio`): lines are
//! appended, and whoever finds the file rotated by another follows.

#[cfg(test)]
mod tests;

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, ErrorKind, Read, Seek, SeekFrom},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    AuditConfig,
    sink::{Appended, Sink, put},
};

/// How long a rotation that failed is not tried again.
const PAUSE: Duration = Duration::from_secs(60);

/// The file of the audit log.
pub(super) struct LogFile {
    path: PathBuf,
    max_size: u64,
    keep: u32,
    file: File,
    /// Whether its last line lacks its end.
    torn: bool,
    /// When rotation may be tried again.
    rotates_from: Option<Instant>,
}

impl LogFile {
    /// Opens the file, or makes it.
    pub(super) fn open(path: &Path, config: &AuditConfig) -> io::Result<Self> {
        let (file, torn) = open(path)?;
        Ok(Self {
            path: path.to_path_buf(),
            max_size: config.max_size,
            keep: config.keep,
            file,
            torn,
            rotates_from: None,
        })
    }

    /// How many bytes of these lines may go into the file; it is rotated where none may.
    fn room(&mut self, lines: &[u8]) -> io::Result<usize> {
        let found = self.file.metadata()?;
        if found.is_file() && found.nlink() == 0 {
            // Somebody has deleted it: what went there would be lost.
            self.open_again()?;
        }
        if !found.is_file() || self.max_size == 0 || self.pauses() {
            return Ok(lines.len());
        }
        let fitting = self.fitting(lines)?;
        if fitting > 0 {
            return Ok(fitting);
        }
        if let Err(error) = self.rotate() {
            tracing::error!("the audit log cannot be rotated: {error}");
            self.rotates_from = Some(Instant::now() + PAUSE);
            return Ok(lines.len());
        }
        // Into a fresh file goes one line, however long.
        let first = memchr::memchr(b'\n', lines).map_or(lines.len(), |end| end + 1);
        Ok(self.fitting(lines)?.max(first))
    }

    fn pauses(&self) -> bool {
        self.rotates_from.is_some_and(|from| Instant::now() < from)
    }

    /// The lines, from the first on, with which the file stays within its size.
    fn fitting(&self, lines: &[u8]) -> io::Result<usize> {
        let left = self.max_size.saturating_sub(self.file.metadata()?.len());
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        if lines.len() <= left {
            return Ok(lines.len());
        }
        let within = lines.get(..left).unwrap_or_default();
        Ok(memchr::memrchr(b'\n', within).map_or(0, |end| end + 1))
    }

    fn rotate(&mut self) -> io::Result<()> {
        match self.file.try_lock() {
            // Another process is at it.
            Err(TryLockError::WouldBlock) => return Ok(()),
            // Not every file system has locks, and most files have one writer.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        let rotated = self.make_way().and_then(|()| self.open_again());
        if rotated.is_err() {
            // Otherwise the lock went with the old file.
            drop(self.file.unlock());
        }
        rotated
    }

    /// Moves the open file away, unless another process has.
    fn make_way(&self) -> io::Result<()> {
        match self.is_in_place()? {
            true => self.shift(),
            false => Ok(()),
        }
    }

    /// Whether the path still leads to the open file.
    fn is_in_place(&self) -> io::Result<bool> {
        let ours = self.file.metadata()?;
        match fs::metadata(&self.path) {
            Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Moves every file up by one, as far as there is no gap; the oldest makes room.
    fn shift(&self) -> io::Result<()> {
        let is_gap = |number: &u32| fs::symlink_metadata(self.rotated(*number)).is_err();
        let last = (1..=self.keep).find(is_gap).unwrap_or(self.keep);
        for number in (1..last).rev() {
            fs::rename(self.rotated(number), self.rotated(number + 1))?;
        }
        fs::rename(&self.path, self.rotated(1))
    }

    fn rotated(&self, number: u32) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(format!(".{number}"));
        name.into()
    }

    fn open_again(&mut self) -> io::Result<()> {
        (self.file, self.torn) = open(&self.path)?;
        self.rotates_from = None;
        Ok(())
    }
}

impl Sink for LogFile {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn append(&mut self, lines: &[u8]) -> Appended {
        let room = match self.room(lines) {
            Ok(room) => room,
            Err(error) => return (0, Err(error)),
        };
        let fitting = lines.get(..room).unwrap_or(lines);
        put(&mut self.file, fitting, &mut self.torn)
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.open_again()
    }

    fn sync(&mut self) -> io::Result<()> {
        match self.file.metadata()?.is_file() {
            true => self.file.sync_all(),
            false => Ok(()),
        }
    }
}

/// Opens the file for its owner alone, and says whether its last line lacks its end: a process
/// that was killed may have left half of one.
fn open(path: &Path) -> io::Result<(File, bool)> {
    let mut options = OpenOptions::new();
    let file = options.append(true).create(true).mode(0o600).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() || found.len() == 0 {
        return Ok((file, false));
    }
    // Where it may not be read, a blank line is the lesser evil.
    Ok((file, last_byte(path).map_or(true, |last| last != b'\n')))
}

fn last_byte(path: &Path) -> io::Result<u8> {
    let mut file = File::open(path)?;
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    let [last] = last;
    Ok(last)
}

//! The control socket: a file that its owner alone can open, and that one gateway has at a time.

use std::{
    fs::{self, File, Permissions},
    io::{self, ErrorKind},
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    thread::sleep,
    time::Duration,
};

use tokio::{
    net::{UnixListener, UnixSocket, UnixStream},
    task::spawn_blocking,
    time::timeout,
};

/// Connections that may wait to be taken.
const BACKLOG: u32 = 16;
/// How long somebody may take to show that the place is taken.
const LOOK: Duration = Duration::from_secs(1);

/// Why there is no control socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// It is somebody else's, who is there.
    #[error("another gateway answers there")]
    InUse,
    /// Whatever it is, it is not for us to remove.
    #[error("something is there that is no socket")]
    Foreign,
    /// It cannot be made.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// A control socket. Its file goes with it.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode: somebody may have put another file there.
    file: (u64, u64),
    /// Who we are.
    uid: u32,
}

impl Socket {
    /// Makes it, in the place of one that nobody listens on any more.
    ///
    /// # Errors
    /// When the place is taken, or the file cannot be made.
    pub async fn bind(path: &Path) -> Result<Self, SocketError> {
        let place = path.to_path_buf();
        let turn = spawn_blocking(move || turn(&place));
        let _turn = turn.await.map_err(io::Error::from)?;
        vacate(path).await?;
        let uid = UnixStream::pair()?.0.peer_cred()?.uid();
        let socket = UnixSocket::new_stream()?;
        socket.bind(path)?;
        // Nobody can connect before `listen`, so nobody is quicker than this.
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        let made = fs::symlink_metadata(path)?;
        Ok(Self {
            listener: socket.listen(BACKLOG)?,
            path: path.to_path_buf(),
            file: (made.dev(), made.ino()),
            uid,
        })
    }

    /// The next connection of our own user, or of root. Others cannot open the file, and are
    /// refused here all the same.
    ///
    /// # Errors
    /// When there can be none at the moment.
    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            let uid = stream.peer_cred()?.uid();
            if uid == self.uid || uid == 0 {
                return Ok(stream);
            }
            tracing::warn!(uid, "somebody else was refused at the control socket");
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let there = fs::symlink_metadata(&self.path);
        if there.is_ok_and(|there| (there.dev(), there.ino()) == self.file) {
            // If it cannot be removed, the next gateway finds that nobody listens.
            drop(fs::remove_file(&self.path));
        }
    }
}

/// Has gateways work on a file one after the other, for as long as what this gives lives. Waits for
/// a second at most: whoever holds its folder for longer is no gateway.
pub fn turn(file: &Path) -> Option<File> {
    let folder = File::open(file.parent()?).ok()?;
    for _ in 0..20 {
        if folder.try_lock().is_ok() {
            return Some(folder);
        }
        sleep(Duration::from_millis(50));
    }
    None
}

/// Removes a socket that nobody listens on.
async fn vacate(path: &Path) -> Result<(), SocketError> {
    let there = match fs::symlink_metadata(path) {
        Ok(there) => there,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if !there.file_type().is_socket() {
        return Err(SocketError::Foreign);
    }
    match timeout(LOOK, UnixStream::connect(path)).await {
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => {
            Ok(fs::remove_file(path)?)
        }
        Ok(Err(error)) if error.kind() == ErrorKind::NotFound => Ok(()),
        Ok(Ok(_) | Err(_)) | Err(_) => Err(SocketError::InUse),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn of_gateways_that_start_at_once_one_has_the_socket() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gate.sock");

        let bound = join_all((0..8).map(|_| Socket::bind(&path))).await;

        let (made, refused): (Vec<_>, Vec<_>) = bound.into_iter().partition(Result::is_ok);
        assert_eq!((made.len(), refused.len()), (1, 7));
        for error in refused.into_iter().filter_map(Result::err) {
            assert!(matches!(error, SocketError::InUse), "{error}");
        }
        drop(made);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_file_that_took_its_place_stays_when_it_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gate.sock");
        let socket = Socket::bind(&path).await.unwrap();
        fs::remove_file(&path).unwrap();
        let other = Socket::bind(&path).await.unwrap();

        drop(socket);

        assert!(path.exists());
        drop(other);
    }
}

//! A file that gets a new content at one stroke.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown},
    path::Path,
};

/// Gives a file a new content: whoever reads it finds the old or the new one, whole. It keeps its
/// owner and mode; a new one, and its folder, are for this user alone. Where the path is a link, the
/// file that it leads to is replaced.
///
/// # Errors
/// When it cannot be written; then it is as it was.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let real = fs::canonicalize(path);
    let path = real.as_deref().unwrap_or(path);
    let before = fs::metadata(path).ok();
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = folder.join(format!(".{name}.{}.new", std::process::id()));
    let written = (|| {
        let options = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .clone();
        let mut file = options.open(&draft)?;
        file.write_all(text.as_bytes())?;
        if let Some(before) = &before {
            let user = (before.uid(), before.gid());
            let own = file.metadata()?;
            if (own.uid(), own.gid()) != user {
                chown(&draft, Some(user.0), Some(user.1))?;
            }
            file.set_permissions(Permissions::from_mode(before.mode() & 0o7777))?;
        }
        file.sync_all()?;
        fs::rename(&draft, path)
    })();
    if written.is_err() {
        drop(fs::remove_file(&draft));
    }
    written
}

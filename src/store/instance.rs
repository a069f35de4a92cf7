//! The folder of an instance: its place and its making.

use std::{
    fs::DirBuilder,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::{
    Meta, StoreError,
    fs::{Disk, Fs},
};

/// The folder of all instances below the state folder.
pub const INSTANCES: &str = "instances";
/// Keeps the state folder out of the project's version control (an executor's `git add -A` would commit the journal).
const IGNORE: &str = "*\n!config.toml\n";

/// The folder of one instance, whether it is there or not.
pub fn dir(state_dir: &Path, id: &str) -> PathBuf {
    state_dir.join(INSTANCES).join(id)
}

/// Makes the folder of a new instance with its first `meta.json`, and the state folder around it if that is missing.
/// Errors: [`StoreError::Exists`]; [`StoreError::Io`] where the place cannot be written (nothing is left behind).
pub fn create(state_dir: &Path, meta: &Meta) -> Result<PathBuf, StoreError> {
    let dir = dir(state_dir, &meta.id);
    if !is_plain_name(&meta.id) {
        let error = io::Error::new(io::ErrorKind::InvalidInput, "the id cannot be the name of a folder");
        return Err(StoreError::io("create", &dir)(error));
    }
    let all = state_dir.join(INSTANCES);
    private().recursive(true).create(&all).map_err(StoreError::io("create", &all))?;
    ignore(state_dir)?;
    match private().create(&dir) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(StoreError::Exists { path: dir });
        }
        Err(error) => return Err(StoreError::io("create", &dir)(error)),
    }
    let filled = fill(&dir, meta).and_then(|()| {
        let synced = Disk.sync_dir(&all).and_then(|()| Disk.sync_dir(state_dir));
        synced.map_err(StoreError::io("create", &dir))
    });
    if let Err(error) = filled {
        let _ = std::fs::remove_dir_all(&dir);
        return Err(error);
    }
    Ok(dir)
}

/// That the folder of an instance is there. What is derived never makes it anew: it may have been moved away.
pub(super) fn is_there(dir: &Path) -> Result<(), StoreError> {
    std::fs::metadata(dir).map(|_| ()).map_err(StoreError::io("write", dir))
}

fn fill(dir: &Path, meta: &Meta) -> Result<(), StoreError> {
    let commands = dir.join(super::commands::COMMANDS);
    private().create(&commands).map_err(StoreError::io("create", &commands))?;
    meta.write(dir)
}

/// Writes the state folder's `.gitignore` unless there is one.
fn ignore(state_dir: &Path) -> Result<(), StoreError> {
    let path = state_dir.join(".gitignore");
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let written = made.and_then(|mut file| file.write_all(IGNORE.as_bytes()));
    match written {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(StoreError::io("create", &path)(error))
        }
        _ => Ok(()),
    }
}

/// Makes folders that only the user can enter.
pub(super) fn private() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

fn is_plain_name(id: &str) -> bool {
    !id.is_empty() && id.len() <= 100 && !id.starts_with('.') && !id.contains(['/', '\0'])
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_new_instance_is_private_and_kept_out_of_version_control() {
        let home = tempfile::tempdir().unwrap();
        let state = home.path().join(".zwarm");
        let meta = Meta { id: "abc".into(), ..Meta::default() };
        let dir = create(&state, &meta).unwrap();
        assert_eq!(dir, state.join("instances/abc"));
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!([mode(&state), mode(&dir), mode(&dir.join("commands"))], [0o700; 3]);
        assert_eq!([mode(&dir.join("meta.json")), mode(&state.join(".gitignore"))], [0o600; 2]);
        assert_eq!(std::fs::read_to_string(state.join(".gitignore")).unwrap(), "*\n!config.toml\n");
        assert!(matches!(create(&state, &meta), Err(StoreError::Exists { .. })));
    }

    #[test]
    fn an_id_that_leaves_the_folder_is_refused_and_a_place_that_is_no_folder_named() {
        let home = tempfile::tempdir().unwrap();
        for id in ["", "..", "../x", "a/b", ".hidden"] {
            let meta = Meta { id: id.into(), ..Meta::default() };
            assert!(create(home.path(), &meta).is_err(), "{id}");
        }
        let file = home.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = create(&file, &Meta { id: "a".into(), ..Meta::default() }).unwrap_err();
        assert!(error.to_string().starts_with("cannot create '"), "{error}");
    }
}

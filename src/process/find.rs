//! Finding a program: as configured, else on PATH. Whether it works is found out by running it.

use std::{
    ffi::OsStr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

/// The absolute path of an executable file: `configured` (a path, or a name for PATH) if it is set, else `name` on
/// PATH. `None`: there is none.
pub fn find_program(name: &str, configured: Option<&str>) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    find_in(configured.unwrap_or(name), &path)
}

fn find_in(name: &str, path: &OsStr) -> Option<PathBuf> {
    if name.is_empty() {
        return None;
    }
    let found = if name.contains('/') {
        Some(PathBuf::from(name)).filter(|file| is_executable(file))
    } else {
        let files = std::env::split_paths(path).map(|dir| dir.join(name));
        files.into_iter().find(|file| is_executable(file))
    };
    found.and_then(|file| std::path::absolute(file).ok())
}

/// The program that has `__exec`: this one. Tests, which are programs of their own, name it by `ZWARM_HELPER`.
pub fn helper() -> std::io::Result<PathBuf> {
    std::env::var_os("ZWARM_HELPER").map_or_else(std::env::current_exe, |named| Ok(PathBuf::from(named)))
}

/// A file that somebody may execute.
pub(super) fn is_executable(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_executable_file_on_the_path_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let make = |below: &str, mode: u32| {
            let file = dir.path().join(below).join("tool");
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, "").unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            file
        };
        let (plain, first, second) = (make("plain", 0o644), make("first", 0o755), make("second", 0o755));
        std::fs::create_dir_all(dir.path().join("folder/tool")).unwrap();
        let folders = ["missing", "folder", "plain", "first", "second"].map(|name| dir.path().join(name));
        let path = std::env::join_paths(folders).unwrap();
        assert_eq!(find_in("tool", &path), Some(first));
        assert_eq!(find_in(second.to_str().unwrap(), &path), Some(second.clone()));
        assert_eq!(find_in(plain.to_str().unwrap(), &path), None);
        assert_eq!(find_in("nothing", &path), None);
        assert_eq!(find_in("", &path), None);
    }
}

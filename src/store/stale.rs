//! Waiting until a list of instances is no longer true: an instance came or went, or one that lives has moved on.

use std::path::{Path, PathBuf};

use futures_util::{FutureExt, future::select_all};

use super::{meta::META, registry::REGISTRY, watch::Watch};

/// Live instances that are watched; the others are seen when the list is read anew.
const WATCHED: usize = 64;

/// Resolves when the list of a state folder is other than it was when this was called, or one of the live instances in
/// these folders has written its `meta.json`. Where nothing can be watched it never resolves.
pub async fn stale(state_dir: PathBuf, live: Vec<PathBuf>) {
    let named = |dir: &Path, name| Watch::new(dir, Some(name)).ok();
    let live = live.iter().take(WATCHED).filter_map(|dir| named(dir, META));
    let watches: Vec<Watch> = named(&state_dir, REGISTRY).into_iter().chain(live).collect();
    if watches.is_empty() {
        return std::future::pending().await;
    }
    let each = watches.into_iter().map(|mut watch| async move { watch.changed().await }.boxed());
    select_all(each).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_meta_that_is_written_makes_the_list_stale() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("instances/x");
        std::fs::create_dir_all(&dir).unwrap();
        let mut waiting = Box::pin(stale(home.path().to_owned(), vec![dir.clone()]));
        assert!((&mut waiting).now_or_never().is_none());
        super::super::replace(&dir.join(META), b"{}").unwrap();
        tokio::time::timeout(std::time::Duration::from_secs(20), waiting).await.unwrap();
    }
}

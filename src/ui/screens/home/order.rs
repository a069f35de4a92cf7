//! Which instances are shown, and in what order. Pure.

use crate::store::{Listed, Origin};

/// The column that the list is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The most recently active first.
    #[default]
    Recent,
    Name,
    State,
    /// The most first.
    Tokens,
    /// The dearest first, unknown ones last.
    Cost,
    Directory,
}

impl Sort {
    /// The next one.
    pub fn next(self) -> Self {
        match self {
            Self::Recent => Self::Name,
            Self::Name => Self::State,
            Self::State => Self::Tokens,
            Self::Tokens => Self::Cost,
            Self::Cost => Self::Directory,
            Self::Directory => Self::Recent,
        }
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Recent => "recent",
            Self::Name => "name",
            Self::State => "state",
            Self::Tokens => "tokens",
            Self::Cost => "cost",
            Self::Directory => "directory",
        }
    }
}

/// True where every word of a filter stands in the name, the state, the task, the directory or the id.
pub fn fits(listed: &Listed, filter: &str) -> bool {
    let meta = &listed.meta;
    let origin = match &listed.origin {
        Origin::Ours => String::new(),
        Origin::Reference(version) => format!("zwarm {version}"),
        Origin::Damaged(_) => "damaged".to_owned(),
    };
    let text = [&meta.name, &meta.state, &meta.task, &meta.working_dir, &meta.model, &meta.id, &origin];
    let text = text.map(|part| part.to_lowercase()).join("\n");
    filter.to_lowercase().split_whitespace().all(|word| text.contains(word))
}

/// Whether `r` can go on with it.
pub fn can_resume(listed: &Listed) -> bool {
    listed.live.is_none()
        && listed.origin == Origin::Ours
        && !matches!(listed.meta.state.as_str(), "done" | "running")
}

/// Places of `all` in the order in which they are shown: what needs the human first.
pub fn arrange(
    all: &[Listed],
    filter: &str,
    sort: Sort,
    resumable: bool,
    needs: &dyn Fn(&Listed) -> bool,
) -> Vec<usize> {
    let wanted = |listed: &Listed| (!resumable || can_resume(listed)) && fits(listed, filter);
    let mut shown: Vec<usize> = (0..all.len()).filter(|at| wanted(&all[*at])).collect();
    // The list comes with the most recent first, and a stable sort keeps that within equals.
    let meta = |at: &usize| &all[*at].meta;
    match sort {
        Sort::Recent => {}
        Sort::Name => shown.sort_by_cached_key(|at| meta(at).name.to_lowercase()),
        Sort::State => shown.sort_by_cached_key(|at| meta(at).state.clone()),
        Sort::Tokens => shown.sort_by_key(|at| std::cmp::Reverse(meta(at).tokens)),
        Sort::Cost => shown.sort_by(|a, b| {
            let cost = |at: &usize| meta(at).cost_usd.unwrap_or(-1.0);
            cost(b).total_cmp(&cost(a))
        }),
        Sort::Directory => shown.sort_by_cached_key(|at| meta(at).working_dir.clone()),
    }
    shown.sort_by_cached_key(|at| !needs(&all[*at]));
    shown
}

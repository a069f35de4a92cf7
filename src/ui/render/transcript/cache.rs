//! Laid out rows, by row and width: at most [`CACHE_BYTES`]; what was not used for longest goes first.

use std::{collections::HashMap, sync::Arc};

use crate::ui::render::{Strip, items::Painted};

/// Memory of laid out rows.
pub(super) const CACHE_BYTES: usize = 32 << 20;

/// A laid out row.
#[derive(Debug, Default)]
pub(super) struct Laid {
    pub(super) rows: Vec<Strip>,
    pending: bool,
    bytes: usize,
}

impl From<Painted> for Laid {
    fn from(painted: Painted) -> Self {
        let bytes = 64 + painted.rows.iter().map(Strip::bytes).sum::<usize>();
        Self { rows: painted.rows, pending: painted.pending, bytes }
    }
}

#[derive(Debug, Default)]
pub(super) struct Cache {
    entries: HashMap<(u32, u16), (Arc<Laid>, u64)>,
    bytes: usize,
    clock: u64,
    /// Rows that were laid out so far.
    pub(super) laid: u64,
}

impl Cache {
    pub(super) fn get(&mut self, row: usize, width: u16) -> Option<Arc<Laid>> {
        self.clock += 1;
        let (laid, used) = self.entries.get_mut(&(row as u32, width))?;
        *used = self.clock;
        Some(laid.clone())
    }

    pub(super) fn insert(&mut self, row: usize, width: u16, laid: Arc<Laid>) {
        self.clock += 1;
        self.bytes += laid.bytes;
        if let Some((old, _)) = self.entries.insert((row as u32, width), (laid, self.clock)) {
            self.bytes -= old.bytes;
        }
        if self.bytes > CACHE_BYTES {
            self.shrink();
        }
    }

    /// The row looks different now.
    pub(super) fn forget(&mut self, row: usize) {
        self.retain(|key, _| key.0 != row as u32);
    }

    /// Rows with code that was not highlighted then.
    pub(super) fn forget_pending(&mut self) {
        self.retain(|_, laid| !laid.pending);
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.bytes = 0;
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn retain(&mut self, keep: impl Fn(&(u32, u16), &Laid) -> bool) {
        let bytes = &mut self.bytes;
        self.entries.retain(|key, (laid, _)| {
            let kept = keep(key, laid);
            *bytes -= if kept { 0 } else { laid.bytes };
            kept
        });
    }

    /// Halves the memory: seldom, so that it costs little per row.
    fn shrink(&mut self) {
        let mut used: Vec<_> =
            self.entries.iter().map(|(key, (laid, used))| (*used, *key, laid.bytes)).collect();
        used.sort_unstable();
        for (_, key, bytes) in used {
            if self.bytes <= CACHE_BYTES / 2 {
                return;
            }
            self.entries.remove(&key);
            self.bytes -= bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn memory_is_bounded_and_the_newest_stays() {
        let mut cache = Cache::default();
        let text = "x".repeat(1 << 20);
        for row in 0..100 {
            let painted = Painted { rows: vec![Strip::of(&text, Style::default())], pending: row == 99 };
            cache.insert(row, 80, Arc::new(painted.into()));
            assert!(cache.bytes() <= CACHE_BYTES);
        }
        assert!(cache.get(99, 80).is_some() && cache.get(0, 80).is_none() && cache.get(99, 81).is_none());
        cache.forget_pending();
        assert!(cache.get(99, 80).is_none() && cache.get(98, 80).is_some());
        cache.forget(98);
        assert!(cache.get(98, 80).is_none());
        cache.clear();
        assert_eq!(cache.bytes(), 0);
    }
}

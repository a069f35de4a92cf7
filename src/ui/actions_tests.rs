use std::collections::BTreeSet;

use super::*;
use crate::ui::keys::Keys;

#[test]
fn every_id_is_unique_every_default_key_is_readable_and_every_act_has_words() {
    let ids: BTreeSet<_> = TABLE.iter().map(|row| row.id).collect();
    assert_eq!(ids.len(), TABLE.len());
    for row in TABLE {
        assert!(!row.text.is_empty());
        for key in row.keys {
            assert!(Keys::parse(key).is_some(), "{} of {}", key, row.id);
        }
        assert!(!row.keys.is_empty() || !row.group.is_empty(), "{} cannot be reached", row.id);
    }
}

#[test]
fn the_keymap_page_lists_every_id() {
    let page = keymap_page();
    assert!(TABLE.iter().all(|row| page.contains(&format!("`{}`", row.id))));
}

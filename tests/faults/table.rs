//! `docs/faults.md`: each fault with the test that covers it.

use std::{collections::BTreeMap, path::Path};

/// The sources of all tests, and of the modules with tests in them.
fn sources() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = String::new();
    let mut open = vec![root.join("tests"), root.join("src"), root.join("benches")];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                all.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    all
}

#[test]
fn the_table_names_a_test_for_each_fault() {
    let table =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md")).unwrap();
    let sources = sources();
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    for row in table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| fault")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [ids, _, tests] = cells[..] else { panic!("not three cells: {row}") };
        assert!(!ids.is_empty() && !tests.is_empty(), "{row}");
        for test in tests.split('`').skip(1).step_by(2) {
            assert!(sources.contains(&format!("fn {test}(")), "{ids}: there is no test '{test}'");
        }
        *rows.entry(ids).or_default() += 1;
    }
    assert!(rows.len() >= 50 && rows.values().all(|count| *count == 1), "{rows:?}");
}

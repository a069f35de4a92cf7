//! What the documents show of the screen is made by the program: the keymap page, the pictures of screens and those in
//! the README. `ZWARM_ACCEPT=1 cargo test --lib docs` writes them anew; read the difference before it is committed.

use std::path::{Path, PathBuf};

use super::{
    actions::keymap_page,
    fixture::Fixture,
    picture::{at_work, svg},
    screens::home::tests::home,
};

fn root(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// The file says this, or is made to say it.
fn says(file: &str, expected: &str) {
    let path = root(file);
    if std::env::var_os("ZWARM_ACCEPT").is_some() {
        return std::fs::write(path, expected).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == expected,
        "'{file}' shows something else than the program: ZWARM_ACCEPT=1 cargo test --lib docs writes it anew\n{}",
        similar::TextDiff::from_lines(found.as_str(), expected).unified_diff().context_radius(1)
    );
}

fn pressed(mut f: Fixture, keys: &str) -> String {
    f.keys(keys);
    f.screen()
}

fn card(width: u16, height: u16) -> String {
    let mut f = Fixture::busy(width, height);
    f.card();
    f.screen()
}

/// A heading and its picture.
type Picture = (&'static str, fn() -> String);

const PICTURES: &[Picture] = &[
    ("Home: the instances", || home(100, 24).screen()),
    ("A run, 140 by 40", || Fixture::busy(140, 40).screen()),
    ("A run, 80 by 24", || Fixture::busy(80, 24).screen()),
    ("A session", || pressed(Fixture::busy(100, 24), "2 enter")),
    ("Something waits for you", || card(100, 30)),
    ("A nudge is written", || pressed(Fixture::busy(80, 24), "i")),
    ("The ledger: what was delegated, with its evidence", || pressed(Fixture::busy(100, 24), "L")),
    ("Why a watcher spoke", || pressed(Fixture::busy(100, 24), "4 enter")),
    ("Abort asks", || pressed(Fixture::busy(80, 24), "X")),
    ("Too small for anything but the notice", || Fixture::busy(38, 8).screen()),
];

fn block(picture: &str) -> String {
    let lines: Vec<&str> = picture.lines().map(str::trim_end).collect();
    format!("```text\n{}\n```\n", lines.join("\n").trim_end())
}

#[test]
fn the_keymap_page_is_the_table() {
    says("docs/keys.md", &keymap_page());
}

#[test]
fn the_pictures_of_screens_are_what_the_program_draws() {
    let mut page = String::from(
        "# Screens\n\nMade by the program from a run that the tests play (`ZWARM_ACCEPT=1 cargo test --lib docs`); \
         do not edit. Keys: [keys.md](keys.md).\n",
    );
    for (title, draw) in PICTURES {
        page.push_str(&format!("\n## {title}\n\n{}", block(&draw())));
    }
    says("docs/screens.md", &page);
}

#[test]
fn the_pictures_of_the_readme_are_what_the_program_draws() {
    const BEGIN: &str = "<!-- the run view, made by the program -->\n";
    const END: &str = "<!-- end -->";
    let readme = std::fs::read_to_string(root("README.md")).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the README shows the run view");
    let (_, after) = rest.split_once(END).expect("and where it ends");
    let picture = block(&at_work(80, 24).screen());
    says("README.md", &format!("{before}{BEGIN}{picture}{END}{after}"));
}

#[test]
fn the_picture_with_colours_is_what_the_program_draws() {
    let mut f = at_work(140, 32);
    f.model.term.skin.theme = f.model.term.themes.get("dark").unwrap();
    let theme = f.model.term.skin.theme.clone();
    let frame = f.frame(140, 32);
    says("docs/run.svg", &svg(&frame, &theme));
}

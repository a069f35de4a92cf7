use ratatui::{buffer::Buffer, layout::Rect};

use super::*;
use crate::ui::{
    render::{Highlighter, Reading, Scroll},
    theme::Theme,
};

const DIFF: &str = "diff --git a/src/x.rs b/src/x.rs\nindex 1..2 100644\n--- a/src/x.rs\n+++ b/src/x.rs\n@@ -1,3 +1,4 @@ fn x\n keep\n-let a = 1;\n+let a = 22;\n+--- not a header\n tail\n\\ No newline at end of file\ndiff --git a/old b/new\nsimilarity index 90%\nrename from old\nrename to new\n";

#[test]
fn a_diff_is_read_into_files_with_counts_and_changed_words() {
    let files = parse(DIFF);
    assert_eq!(files.len(), 2);
    let x = &files[0];
    assert_eq!((&*x.path, x.added, x.removed), ("src/x.rs", 2, 1));
    let lines: Vec<_> = x.lines.iter().map(|l| (l.kind, l.number, &*l.text)).collect();
    assert_eq!(
        lines,
        [
            (LineKind::Hunk, 0, "@@ -1,3 +1,4 @@ fn x"),
            (LineKind::Context, 1, "keep"),
            (LineKind::Removed, 2, "let a = 1;"),
            (LineKind::Added, 2, "let a = 22;"),
            (LineKind::Added, 3, "--- not a header"),
            (LineKind::Context, 4, "tail"),
            (LineKind::Note, 0, "\\ No newline at end of file"),
        ]
    );
    assert_eq!((&*files[1].path, files[1].renamed_from.as_deref()), ("new", Some("old")));
    let pair = parse("@@ -1 +1 @@\n-let a = 1;\n+let a = 22;\n");
    assert_eq!(&pair[0].lines[2].text[pair[0].lines[2].changed.clone()], "22");
    assert!(parse("").is_empty());
    assert_eq!(parse("\x1b[31mgarbage")[0].lines[0].text.as_ref(), "garbage");
}

#[test]
fn files_fold_and_the_cursor_moves_over_what_is_open() {
    let (theme, code) = (Theme::default(), Highlighter::default());
    let brush = Brush { theme: &theme, width: 0, ascii: false, wrap: true, code: &code };
    let mut view = DiffView::default();
    view.set(DIFF);
    view.scroll(Scroll::Lines(3));
    assert_eq!((view.file().map(|f| &*f.path), view.line_number()), (Some("src/x.rs"), Some(2)));
    view.toggle();
    let area = Rect::new(0, 0, 24, 2);
    let mut buf = Buffer::empty(area);
    view.render(area, &mut buf, &brush, false);
    let mut shown = Buffer::with_lines(["▸ src/x.rs         +2 -1", "▸ new (was old)       +0"]);
    // The second file is open but has no lines.
    shown.set_string(0, 1, "▾", ratatui::style::Style::default());
    for (a, b) in buf.content().iter().zip(shown.content()) {
        assert_eq!(a.symbol(), b.symbol());
    }
    view.scroll(Scroll::StepNext);
    assert_eq!(view.file().map(|f| &*f.path), Some("new"));
    view.set(DIFF);
    assert_eq!(view.file().map(|f| &*f.path), Some("new"));
}

#[test]
fn a_search_looks_into_closed_files_and_opens_what_it_finds() {
    let (theme, code) = (Theme::default(), Highlighter::default());
    let brush = Brush { theme: &theme, width: 0, ascii: false, wrap: true, code: &code };
    let wake = std::sync::Arc::default();
    let mut view = DiffView::default();
    view.set(DIFF);
    view.toggle();
    view.search("LET", &wake);
    assert_eq!(view.finds().map(|finds| finds.total), Some(0), "capitals must fit");
    view.search("let", &wake);
    assert_eq!(
        (view.text(), view.finds().map(|it| it.count())),
        (Some("let a = 1;"), Some("1/2".to_owned()))
    );
    view.next_find(true);
    assert_eq!(view.text(), Some("let a = 22;"));
    view.next_find(true);
    assert_eq!(view.text(), Some("let a = 1;"), "around the end");
    assert!(view.search_end(true) && !view.search_end(true));
    assert_eq!(view.text(), Some("src/x.rs"), "back to where it began");
    // What is cut at the right is reached by moving to the side.
    let area = Rect::new(0, 0, 10, 4);
    let row = |view: &mut DiffView| {
        let mut buf = Buffer::empty(area);
        view.render(area, &mut buf, &brush, false);
        (0..10).map(|x| buf[(x, 3)].symbol().to_owned()).collect::<String>()
    };
    assert_eq!(row(&mut view), "-let a =… ");
    view.sideways(6);
    assert_eq!(row(&mut view).trim_end(), "-= 1;");
}

#[cfg(feature = "highlight")]
#[test]
fn the_code_of_a_diff_has_its_colours_and_changes_keep_theirs() {
    use ratatui::style::Color;
    let (send, woken) = std::sync::mpsc::channel();
    let code = Highlighter::new(move || {
        let _ = send.send(());
    });
    let file =
        parse("--- a/x.rs\n+++ b/x.rs\n@@ -1,2 +1,2 @@\n // note\n-let a = 1;\n+let b = 1;\n").remove(0);
    let coded = Coded::new(&file);
    let themes = crate::ui::theme::Themes::built_in();
    let painted = |theme: &Theme, at: usize| {
        let brush = Brush { theme, width: 40, ascii: false, wrap: true, code: &code };
        let strip = line(&file.lines[at], &coded.pieces(at, &code), 0, &brush);
        strip.pieces().map(|(_, style)| style.fg).collect::<Vec<_>>()
    };
    let plain = themes.get("ansi").unwrap();
    painted(&plain, 1);
    assert!(coded.is_pending());
    while coded.is_pending() {
        woken.recv().unwrap();
        painted(&plain, 1);
        painted(&plain, 2);
        painted(&plain, 3);
    }
    assert!(painted(&plain, 1).contains(&plain.style(Role::Code(Code::Comment)).fg));
    assert!(painted(&plain, 3).iter().all(|fg| *fg == Some(Color::Green)), "no ground: only green");
    let dark = themes.get("dark").unwrap();
    assert!(painted(&dark, 3).contains(&dark.style(Role::Code(Code::Type)).fg), "a ground of its own");
}

#[test]
fn long_lines_wrap_below_their_number_and_the_cursor_stays_in_view() {
    let (theme, code) = (Theme::default(), Highlighter::off());
    let diff = format!(
        "--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n \tindented {0}\n+日本語 {0}\n-short\n+the end {0}\n",
        "and a word more ".repeat(9).trim_end()
    );
    let file = parse(&diff).remove(0);
    for width in [1, 7, 20, 59, 60, 100] {
        let brush = Brush { theme: &theme, width, ascii: false, wrap: true, code: &code };
        for line in &file.lines {
            let rows = super::rows(line, &[], &brush);
            assert_eq!(rows.len(), super::height(line, width), "{width}: {:?}", line.text);
            let words = |text: &str| text.split_whitespace().collect::<String>();
            let shown: String = rows.iter().map(|row| words(row.text())).collect();
            assert!(shown.ends_with(&words(&line.text)), "{width}: nothing is lost: {shown}");
        }
    }
    let brush = Brush { theme: &theme, width: 0, ascii: false, wrap: true, code: &code };
    let (area, mut view) = (Rect::new(0, 0, 60, 5), DiffView::default());
    view.set(&diff);
    assert!(view.toggle_wrap());
    let screen = |view: &mut DiffView| {
        let mut buf = Buffer::empty(area);
        view.render(area, &mut buf, &brush, true);
        (0..area.height)
            .map(|y| (0..area.width).map(|x| buf[(x, y)].symbol()).collect::<String>().trim_end().to_owned())
            .collect::<Vec<_>>()
    };
    screen(&mut view);
    view.scroll(Scroll::Bottom);
    let rows = screen(&mut view);
    assert!(rows[3].ends_with("a word more"), "the end is in view, as far as whole lines fit: {rows:?}");
    assert!(!view.sideways(8), "nothing is cut");
    view.click(3);
    assert_eq!(
        view.text().map(|text| text.starts_with("the end")),
        Some(true),
        "a click on a wrapped row is its line"
    );
    view.scroll(Scroll::Top);
    assert!(screen(&mut view)[0].contains("x"), "{:?}", screen(&mut view));
}

use super::*;
use crate::{
    text::{hostile, width},
    ui::{
        render::Highlighter,
        theme::{Role, Theme},
    },
};

fn painted(text: &str, cells: usize) -> Vec<Strip> {
    let (theme, code) = (Theme::default(), Highlighter::default());
    let brush = Brush { theme: &theme, width: cells, ascii: false, wrap: true, code: &code };
    let mut out = Vec::new();
    lines(text, &brush, &brush.strip("● ", Role::Text), &brush.strip("  ", Role::Text), &mut out);
    out
}

/// What of a growing text is settled.
fn settled(text: &str) -> Settled {
    let (theme, code) = (Theme::default(), Highlighter::off());
    let brush = Brush { theme: &theme, width: 40, ascii: false, wrap: true, code: &code };
    grown(text, &brush, &Strip::default(), &Strip::default(), &mut Vec::new()).0
}

fn texts(text: &str, cells: usize) -> Vec<String> {
    painted(text, cells).iter().map(|strip| strip.text().trim_end().to_owned()).collect()
}

#[test]
fn blocks_lists_quotes_and_code_are_laid_out() {
    let text = "# Plan\nFirst *do* `this`,\nthen that.\n\n- one\n- two is longer than fits\n  1. deep\n- [x] done\n\n> quoted\n\n```\nfn main() {\n\tx\n}\n```\n---\nsee [docs](http://a.test)";
    assert_eq!(
        texts(text, 24),
        [
            "● Plan",
            "",
            "  First do this, then",
            "  that.",
            "",
            "  • one",
            "  • two is longer than",
            "    fits",
            "    1. deep",
            "  • ✔ done",
            "",
            "  │ quoted",
            "",
            "    fn main() {",
            "        x",
            "    }",
            "",
            "  ─────────────────────",
            "",
            "  see docs",
            "  (http://a.test)",
        ]
    );
    assert_eq!(texts("", 20), ["●"]);
    assert_eq!(texts("-\n- x", 20), ["● •", "  • x"]);
}

#[test]
fn rows_of_settled_blocks_and_of_the_rest_are_those_of_the_whole() {
    let blocks = [
        "# Head\n\n",
        "[a]: http://a.test\n\n",
        "two words *more*\n\n",
        "---\n\n",
        "```rust\nfn x() {}\n\n```\n\n",
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n",
        "> quoted\n\n",
        "- one\n- two\n\n",
        "#\n\n",
        "<b>\n\n",
    ];
    let (theme, code) = (Theme::default(), Highlighter::off());
    let brush = Brush { theme: &theme, width: 30, ascii: false, wrap: true, code: &code };
    let (first, rest) = (brush.strip("● ", Role::Text), brush.strip("  ", Role::Text));
    for a in blocks {
        for b in blocks {
            let text = [a, b, "end"].concat();
            let (mut whole, mut growing) = (Vec::new(), Vec::new());
            lines(&text, &brush, &first, &rest, &mut whole);
            let (settled, rows) = grown(&text, &brush, &first, &rest, &mut growing);
            assert_eq!(growing, whole, "{text}");
            if let Settled::Blocks(at) = settled {
                growing.truncate(rows);
                let begin = if rows == 0 { &first } else { &rest };
                lines(&text[at..], &brush, begin, &rest, &mut growing);
                assert_eq!(growing, whole, "{text}");
            }
        }
    }
}

#[test]
fn a_table_is_narrowed_to_fit() {
    let table = "| name | what it does |\n|---|---|\n| a | short |\n| b | a rather long explanation |";
    assert_eq!(
        texts(table, 30),
        [
            "● name │ what it does",
            "  ─────┼──────────────────────",
            "  a    │ short",
            "  b    │ a rather long",
            "       │ explanation",
        ]
    );
}

#[test]
fn what_entities_hide_is_cleaned_too() {
    for text in [
        "a &#27;[31m b &#x202e; c &#x9b;2J",
        "`&#27;`",
        "[x](&#27;]0;evil)",
        "    &#27;[2J",
        "| &#27; |\n|-|\n| &#x200b; |",
    ] {
        for strip in painted(text, 40) {
            hostile::assert_clean(strip.text(), text);
        }
    }
    for raw in hostile::corpus() {
        for strip in painted(&crate::text::clean(&raw), 30) {
            hostile::assert_clean(strip.text(), &raw);
        }
    }
}

#[test]
fn no_row_is_wider_than_asked_even_in_deep_nests() {
    let deep = format!("{} deep", "> ".repeat(5_000));
    let lists: String = (0..100).map(|at| format!("{}- item\n", "  ".repeat(at))).collect();
    for text in [
        deep.as_str(),
        &lists,
        "日本語日本語日本語日本語 `日本語日本語日本語`",
        "| a | b |\n|-|-|\n| 日本語日本語日本語 | x |",
    ] {
        for cells in [24, 30, 60] {
            for strip in painted(text, cells) {
                assert!(strip.width() <= cells, "{} > {cells}: {:?}", strip.width(), strip.text());
                assert_eq!(strip.width(), width::of(strip.text()));
            }
        }
    }
}

#[test]
fn a_growing_text_settles_block_by_block_and_a_long_block_in_pieces() {
    assert_eq!(settled("one paragraph that goes on"), Settled::Nothing);
    assert_eq!(settled("one\n\ntwo"), Settled::Blocks(5));
    assert_eq!(settled("- a\n- b\n"), Settled::Nothing);
    let table = "| a | b |\n|---|---|\n| 1 | 2 |\n";
    assert_eq!(settled(&format!("{table}|")), Settled::Nothing, "the beginning of a row");
    assert_eq!(settled(&format!("{table}\nend")), Settled::Blocks(table.len() + 1));
    assert_eq!(settled("```\ncode\n\nmore"), Settled::Nothing);
    let long = "word ".repeat(2_000);
    assert_eq!(settled(&long), Settled::Piece(long.len()));
    let code = format!("```rust\n{}", "let x = 1;\n".repeat(1_000));
    assert_eq!((fence(&code), settled(&code)), (Some("```rust"), Settled::Piece(code.len())));
    assert_eq!(fence("plain"), None);
}

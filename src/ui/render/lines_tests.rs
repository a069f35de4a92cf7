//! Plain lines: every part of a long one can be reached, and what is searched is found.

use super::*;

fn shown(view: &mut LinesView, lines: &[String], cells: u16, rows: u16) -> Vec<String> {
    let area = Rect::new(0, 0, cells, rows);
    let mut buf = Buffer::empty(area);
    let looks = Looks { of: &|_, _| Style::default(), selected: Style::default(), found: Style::default() };
    view.render(lines, area, &mut buf, &looks, true);
    (0..rows)
        .map(|y| {
            (0..cells).map(|x| buf[(x, y)].symbol().to_owned()).collect::<String>().trim_end().to_owned()
        })
        .collect()
}

fn lines(all: &[&str]) -> Vec<String> {
    all.iter().map(|line| (*line).to_owned()).collect()
}

#[test]
fn every_part_of_a_line_higher_than_the_view_is_reached_by_going_down_and_up() {
    let long: String = (0..40).map(|n| format!("{n:02}--")).collect();
    let all = lines(&["first", &long, "last"]);
    let mut view = LinesView::default();
    assert_eq!(shown(&mut view, &all, 8, 4), ["first", "00--01--", "02--03--", "04--05--"]);
    let mut seen = String::new();
    for _ in 0..60 {
        seen.push_str(&shown(&mut view, &all, 8, 4).join("\n"));
        view.scroll(&all, Scroll::Lines(1));
    }
    assert!((0..40).all(|n| seen.contains(&format!("{n:02}--"))), "{seen}");
    assert_eq!(shown(&mut view, &all, 8, 4).last().map(String::as_str), Some("last"));
    for _ in 0..60 {
        view.scroll(&all, Scroll::Lines(-1));
    }
    assert_eq!(shown(&mut view, &all, 8, 4)[0], "first");
    view.scroll(&all, Scroll::Bottom);
    assert_eq!(shown(&mut view, &all, 8, 4), ["34--35--", "36--37--", "38--39--", "last"]);
}

#[test]
fn cut_lines_take_a_row_each() {
    let all = lines(&["0123456789abcdef", "second"]);
    let mut view = LinesView::default();
    assert!(!view.toggle_wrap());
    assert_eq!(shown(&mut view, &all, 8, 3), ["01234567", "second", ""]);
    assert!(Lines { view: &mut view, lines: Cow::Borrowed(&all) }.sideways(8));
    assert_eq!(shown(&mut view, &all, 8, 3), ["89abcdef", "", ""]);
    assert!(view.toggle_wrap());
    assert_eq!(shown(&mut view, &all, 8, 3), ["01234567", "89abcdef", "second"]);
}

#[test]
fn a_search_goes_to_the_line_that_has_it_and_around_the_end() {
    let all: Vec<String> =
        (0..50).map(|n| if n % 20 == 5 { format!("{n} Needle") } else { n.to_string() }).collect();
    let mut view = LinesView::default();
    shown(&mut view, &all, 20, 5);
    view.search(&all, "needle");
    assert_eq!((view.cursor(&all), view.finds().map(|it| it.count())), (5, Some("1/3".to_owned())));
    view.next_find(&all, true);
    assert_eq!(view.cursor(&all), 25);
    assert!(shown(&mut view, &all, 20, 5).contains(&"25 Needle".to_owned()));
    view.next_find(&all, true);
    view.next_find(&all, true);
    assert_eq!(view.cursor(&all), 5);
    view.next_find(&all, false);
    assert_eq!(view.cursor(&all), 45);
    assert!(view.search_end(true) && !view.search_end(true));
    assert_eq!(view.cursor(&all), 0, "back to where it began");
    view.search(&all, "Needle");
    assert_eq!(view.cursor(&all), 5);
    view.search(&all, "nEedle");
    assert_eq!((view.cursor(&all), view.finds().map(|it| it.total)), (0, Some(0)), "a capital must fit");
}

#[test]
fn a_page_moves_by_rows_and_shows_what_is_found() {
    let all: Vec<String> = (0..30).map(|n| format!("line {n} of many")).collect();
    let mut view = LinesView::page(0);
    assert_eq!(shown(&mut view, &all, 8, 3), ["line 0", "of many", "line 1"]);
    view.scroll(&all, Scroll::Lines(1));
    assert_eq!(shown(&mut view, &all, 8, 3), ["of many", "line 1", "of many"]);
    view.scroll(&all, Scroll::Page(100));
    assert_eq!(shown(&mut view, &all, 8, 3), ["of many", "line 29", "of many"]);
    view.search(&all, "line 7");
    assert_eq!(shown(&mut view, &all, 8, 3)[0], "line 7");
    view.search_end(false);
    view.scroll(&all, Scroll::Lines(-2));
    assert_eq!(shown(&mut view, &all, 8, 3)[0], "line 6");
}

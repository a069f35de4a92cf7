use ratatui::style::Color;

use super::*;

#[test]
fn the_table_of_roles_is_in_the_order_of_their_indices() {
    for (at, row) in ROLES.iter().enumerate() {
        assert_eq!(row.role.index(), at, "{}", row.name);
    }
}

#[test]
fn every_built_in_theme_loads_and_there_are_at_least_twelve() {
    let themes = Themes::built_in();
    let names: Vec<_> = themes.names().collect();
    assert!(names.len() >= 12, "{names:?}");
    for name in names {
        let theme = themes.get(name).unwrap();
        assert!(!theme.about.is_empty(), "{name}");
        if name.ends_with("dark") {
            assert_eq!(theme.background, Background::Dark, "{name}");
        }
        if name.ends_with("light") {
            assert_eq!(theme.background, Background::Light, "{name}");
        }
    }
    assert_eq!(themes.counterpart("ocean-dark", Background::Light), Some("ocean-light"));
    assert_eq!(themes.counterpart("dark", Background::Light), Some("light"));
}

#[test]
fn text_is_readable_on_its_background_in_every_theme() {
    let themes = Themes::built_in();
    for name in themes.names() {
        let theme = themes.get(name).unwrap();
        let Some(ground) = theme.style(Role::Text).bg.and_then(colour::rgb) else {
            assert_eq!(name, "ansi", "only the terminal's own colours are unknown");
            continue;
        };
        for row in ROLES.iter().filter(|row| row.is_text) {
            let style = theme.style(row.role);
            let fg = style.fg.and_then(colour::rgb).unwrap();
            let bg = style.bg.and_then(colour::rgb).unwrap_or(ground);
            let ratio = contrast(fg, bg);
            assert!(ratio >= 4.5, "{name} {}: {ratio:.2}", row.name);
        }
    }
}

#[test]
fn good_and_bad_differ_for_every_kind_of_colour_vision() {
    let themes = Themes::built_in();
    for name in ["colour-blind-dark", "colour-blind-light"] {
        let theme = themes.get(name).unwrap();
        let (r1, g1, b1) = theme.style(Role::Good).fg.and_then(colour::rgb).unwrap();
        let (r2, g2, b2) = theme.style(Role::Bad).fg.and_then(colour::rgb).unwrap();
        // Deuteranopia and protanopia merge red with green: what is left is blue against the mean of both.
        let axis = |r: u8, g: u8, b: u8| i32::from(b) - (i32::from(r) + i32::from(g)) / 2;
        assert!((axis(r1, g1, b1) - axis(r2, g2, b2)).abs() > 100, "{name}");
    }
}

#[test]
fn colours_come_down_to_what_the_terminal_shows() {
    let theme = Themes::built_in().get("dark").unwrap();
    let text = theme.style(Role::Bad);
    assert_eq!(text.fg, Some(Color::Rgb(0xff, 0x8a, 0x80)));
    assert!(matches!(theme.at(Depth::Indexed256).style(Role::Bad).fg, Some(Color::Indexed(16..))));
    for row in ROLES {
        let style = theme.at(Depth::Ansi16).style(row.role);
        assert!(!matches!(style.fg, Some(Color::Rgb(..) | Color::Indexed(_))), "{}", row.name);
        let mono = theme.at(Depth::Mono).style(row.role);
        assert_eq!((mono.fg, mono.bg), (None, None), "{}", row.name);
    }
    let selected = theme.at(Depth::Mono).style(Role::Selected);
    assert!(selected.add_modifier.contains(Modifier::REVERSED));
    assert!(!theme.at(Depth::Mono).style(Role::Text).add_modifier.contains(Modifier::REVERSED));
    assert_ne!(theme.stamp(), theme.at(Depth::Mono).stamp());
}

#[test]
fn the_depth_comes_from_the_environment() {
    let with = |pairs: &'static [(&'static str, &'static str)]| {
        Depth::detect(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, v)| (*v).to_owned()))
    };
    assert_eq!(with(&[("TERM", "xterm-256color")]), Depth::Indexed256);
    assert_eq!(with(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")]), Depth::True);
    assert_eq!(with(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")]), Depth::Mono);
    assert_eq!(with(&[("TERM", "xterm-256color"), ("NO_COLOR", "")]), Depth::Indexed256);
    assert_eq!(with(&[("TERM", "linux")]), Depth::Ansi16);
    assert_eq!(with(&[("TERM", "dumb")]), Depth::Mono);
}

#[test]
fn a_users_theme_inherits_and_its_errors_name_file_and_line() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("mine.yaml", "inherits: dark\npalette:\n  bad: \"#ff0000\"\n");
    write("typo.yaml", "inherits: dark\nroles:\n  text: fg\n  diff.aded: good\n");
    write("colour.yaml", "inherits: dark\npalette:\n  bad: reddish\n");
    write("loop.yaml", "inherits: loop\n");
    write("lost.yaml", "about: x\ninherits: nowhere\n");
    write("broken.yaml", "roles:\n  text: fg\n bad: [\n");
    write("note.txt", "not a theme");
    let (themes, errors) = Themes::load(dir.path());
    let mine = themes.get("mine").unwrap();
    assert_eq!(mine.style(Role::Bad).fg, Some(Color::Rgb(255, 0, 0)));
    assert_eq!(mine.style(Role::Diff(Diff::Removed)).fg, Some(Color::Rgb(255, 0, 0)));
    assert_eq!(mine.background, Background::Dark);
    let shown: Vec<_> =
        errors.iter().map(|e| e.to_string().replace(&format!("{}/", dir.path().display()), "")).collect();
    assert_eq!(shown.len(), 5, "{shown:?}");
    assert!(shown[0].starts_with("'broken.yaml' line 3: "), "{}", shown[0]);
    assert!(shown[1].starts_with("'colour.yaml' line 3: 'reddish' is not a colour"), "{}", shown[1]);
    assert!(shown[2].contains("circle"), "{}", shown[2]);
    assert!(shown[3].starts_with("'lost.yaml' line 2: there is no theme 'nowhere'"), "{}", shown[3]);
    assert!(shown[4].starts_with("'typo.yaml' line 4: there is no role 'diff.aded'"), "{}", shown[4]);
    assert!(shown[4].contains("'diff.added'"));
    assert!(themes.get("typo").is_err());
}

#[test]
fn every_sign_has_an_ascii_form() {
    for icon in [Icon::Message, Icon::Todo, Icon::Warn, Icon::More, Icon::Caret] {
        assert!(icon.sign(true).is_ascii());
        assert!(!icon.sign(false).is_ascii());
    }
}

/// WCAG relative luminance.
fn luminance((r, g, b): (u8, u8, u8)) -> f64 {
    let linear = |v: u8| {
        let v = f64::from(v) / 255.0;
        if v <= 0.03928 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

/// WCAG contrast ratio, 1 to 21.
fn contrast(a: (u8, u8, u8), b: (u8, u8, u8)) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn of_sixteen_colours_good_warning_and_bad_keep_their_hue_in_every_theme() {
    use ratatui::style::Color::{Green, LightGreen, LightRed, LightYellow, Red, Yellow};
    let themes = Themes::built_in();
    for name in themes.names().filter(|name| !name.starts_with("colour-blind")) {
        let theme = themes.get(name).unwrap().at(Depth::Ansi16);
        let fg = |role| theme.style(role).fg.unwrap();
        assert!(matches!(fg(Role::Good), Green | LightGreen), "{name}: {:?}", fg(Role::Good));
        assert!(matches!(fg(Role::Warn), Yellow | LightYellow), "{name}: {:?}", fg(Role::Warn));
        assert!(matches!(fg(Role::Bad), Red | LightRed), "{name}: {:?}", fg(Role::Bad));
    }
    for name in ["colour-blind-dark", "colour-blind-light"] {
        let theme = themes.get(name).unwrap().at(Depth::Ansi16);
        assert_ne!(theme.style(Role::Good).fg, theme.style(Role::Bad).fg, "{name}");
    }
}

use super::*;

fn key(key: &str) -> Step {
    Step::Key(key.to_owned())
}

#[test]
fn a_value_and_its_key_are_found_in_yaml_and_in_toml() {
    let yaml = "a: 1\nb:\n  c: [x, y]\n  d:\n    - name: é\n      e: 2\n";
    let path = [key("b"), key("c"), Step::Index(1)];
    assert_eq!(locate(yaml, Format::Yaml, &path, false), Some((3, 10)));
    let deep = [key("b"), key("d"), Step::Index(0), key("e")];
    assert_eq!(locate(yaml, Format::Yaml, &deep, true), Some((6, 7)));
    assert_eq!(locate(yaml, Format::Yaml, &deep, false), Some((6, 10)));
    let missing = [key("b"), key("zzz")];
    assert_eq!(locate(yaml, Format::Yaml, &missing, true), Some((2, 1)));

    let toml = "a = 1\n[b]\nc = ['x', 'y']\n[[b.d]]\nname = 'é'\ne = 2\n";
    assert_eq!(locate(toml, Format::Toml, &path, false), Some((3, 11)));
    assert_eq!(locate(toml, Format::Toml, &deep, true), Some((6, 1)));
    assert_eq!(locate(toml, Format::Toml, &deep, false), Some((6, 5)));
}

#[test]
fn a_key_that_is_there_twice_is_an_error_at_its_second_place() {
    let fault = |line, column, message: &str| Fault { line, column, message: message.to_owned() };
    assert_eq!(
        parse("a:\n  x: 1\n  y: 2\n  x: 3\n", Format::Yaml),
        Err(fault(4, 3, "the key 'x' is there twice"))
    );
    let fault = parse("[a]\nx = 1\nx = 2\n", Format::Toml).unwrap_err();
    assert_eq!((fault.line, fault.column), (3, 1));
}

#[test]
fn a_bomb_of_aliases_ends_in_a_bounded_error() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let alias = format!("*a{}", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![alias; 10].join(", ")));
    }
    let fault = parse(&bomb, Format::Yaml).unwrap_err();
    assert_eq!(fault.message, format!("it unfolds to more than {MAX_VALUES} values"));
}

#[test]
fn depth_is_bounded() {
    for format in [Format::Yaml, Format::Toml] {
        let text = format!(
            "a{}{}{}",
            if format == Format::Yaml { ": " } else { " = " },
            "[".repeat(50_000),
            "]".repeat(50_000)
        );
        assert!(parse(&text, format).is_err());
    }
}

#[test]
fn an_empty_text_holds_nothing() {
    for text in ["", "\n\n", "# only\n  # comments\n", "---\n", "~"] {
        assert_eq!(parse(text, Format::Yaml), Ok(Map::new()), "{text:?}");
    }
    assert!(parse("- a\n", Format::Yaml).is_err());
    assert!(parse("a: 1\n---\nb: 2\n", Format::Yaml).is_err());
}

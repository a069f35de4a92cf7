//! Secrets out of a text: values that are known, and what looks like a key. Clean text passes untouched and quickly
//! (a vectorised search for each needle, no allocation).

use std::{borrow::Cow, fmt, ops::Range};

use memchr::memmem::Finder;

/// What stands in the place of a secret. It needs no escaping in JSON, YAML or a shell.
pub const REDACTED: &str = "[redacted]";
/// Characters that a known value must have; shorter ones would hit ordinary words.
const MIN_SECRET: usize = 8;

/// Takes secrets out of texts. Never shows them itself.
pub struct Redactor {
    known: Vec<Finder<'static>>,
    prefixes: Vec<(Finder<'static>, Prefix)>,
    headers: Vec<Finder<'static>>,
}

/// What follows the beginning of a key.
#[derive(Clone, Copy)]
struct Prefix {
    text: &'static str,
    /// Characters that must follow, at least.
    min: usize,
    allowed: fn(u8) -> bool,
    /// One of them must be a digit (a long word with hyphens has none).
    digit: bool,
}

const fn token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}
const fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
const fn upper(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

const fn prefix(text: &'static str, min: usize, allowed: fn(u8) -> bool, digit: bool) -> Prefix {
    Prefix { text, min, allowed, digit }
}

/// One row a kind of key: OpenAI and Anthropic, GitHub, AWS, Slack.
const PREFIXES: [Prefix; 10] = [
    prefix("sk-", 16, token, true),
    prefix("ghp_", 20, word, false),
    prefix("gho_", 20, word, false),
    prefix("ghu_", 20, word, false),
    prefix("ghs_", 20, word, false),
    prefix("ghr_", 20, word, false),
    prefix("github_pat_", 20, word, false),
    prefix("AKIA", 16, upper, false),
    prefix("ASIA", 16, upper, false),
    prefix("xox", 12, token, true),
];

/// Headers whose value is a secret, without their first letter, which may be large or small.
const HEADERS: [&str; 4] = ["uthorization", "UTHORIZATION", "-api-key", "-Api-Key"];

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("known", &self.known.len()).finish_non_exhaustive()
    }
}

impl Redactor {
    /// Knows these values (those of less than eight characters are too short to be told from words) also as they
    /// stand in a JSON string.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut known: Vec<String> = Vec::new();
        for secret in secrets {
            let secret = secret.trim();
            if secret.chars().count() < MIN_SECRET {
                continue;
            }
            let quoted = serde_json::Value::from(secret).to_string();
            known.push(quoted.trim_matches('"').to_owned());
            known.push(secret.to_owned());
        }
        known.sort();
        known.dedup();
        let finder = |text: &str| Finder::new(text).into_owned();
        Self {
            known: known.iter().map(|text| finder(text)).collect(),
            prefixes: PREFIXES.iter().map(|prefix| (finder(prefix.text), *prefix)).collect(),
            headers: HEADERS.iter().map(|text| finder(text)).collect(),
        }
    }

    /// The text without secrets; borrowed if there are none.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut found = self.find(text.as_bytes());
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        found.sort_by_key(|range| (range.start, range.end));
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        let mut spans = found.into_iter().peekable();
        while let Some(mut span) = spans.next() {
            while let Some(next) = spans.next_if(|next| next.start < span.end) {
                span.end = span.end.max(next.end);
            }
            out.push_str(text.get(at..span.start).unwrap_or_default());
            out.push_str(REDACTED);
            at = span.end;
        }
        out.push_str(text.get(at..).unwrap_or_default());
        Cow::Owned(out)
    }

    fn find(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        for finder in &self.known {
            let len = finder.needle().len();
            found.extend(finder.find_iter(text).map(|at| at..at + len));
        }
        for (finder, prefix) in &self.prefixes {
            found.extend(finder.find_iter(text).filter_map(|at| prefix.key_at(text, at)));
        }
        for finder in &self.headers {
            let len = finder.needle().len();
            found.extend(finder.find_iter(text).filter_map(|at| header_value(text, at + len)));
        }
        found
    }
}

impl Prefix {
    /// The key that begins at a place, if it is one.
    fn key_at(&self, text: &[u8], at: usize) -> Option<Range<usize>> {
        // In the middle of a word (`task-…`) no key begins; behind an escape (`\n`) one may.
        let before = at.checked_sub(1).and_then(|before| text.get(before));
        let escaped = at.checked_sub(2).and_then(|before| text.get(before)) == Some(&b'\\');
        if before.is_some_and(|byte| word(*byte)) && !escaped {
            return None;
        }
        let rest = text.get(at + self.text.len()..)?;
        let len = rest.iter().take_while(|byte| (self.allowed)(**byte)).count();
        let key = rest.get(..len)?;
        let looks = len >= self.min && (!self.digit || key.iter().any(u8::is_ascii_digit));
        looks.then(|| at..at + self.text.len() + len)
    }
}

/// The value of a header whose name ends at a place: behind `:` or `=`, quotes, and the name of a scheme.
fn header_value(text: &[u8], name_end: usize) -> Option<Range<usize>> {
    let skip = |from: usize, wanted: fn(u8) -> bool| {
        from + text.get(from..).unwrap_or_default().iter().take_while(|byte| wanted(**byte)).count()
    };
    let quote = |byte: u8| matches!(byte, b'"' | b'\'' | b'\\' | b' ' | b'\t');
    let mut at = skip(name_end, quote);
    if !matches!(text.get(at), Some(b':' | b'=')) {
        return None;
    }
    at = skip(at + 1, quote);
    let value = |byte: u8| !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'' | b'\\' | b',' | b';');
    let mut end = skip(at, value);
    let scheme = text.get(at..end)?;
    if ["bearer", "basic", "token"].iter().any(|name| scheme.eq_ignore_ascii_case(name.as_bytes())) {
        at = skip(end, |byte| byte == b' ');
        end = skip(at, value);
    }
    // A variable, a place to fill in, or what has been taken out already.
    let named = matches!(text.get(at), Some(b'$' | b'{' | b'<' | b'['));
    (!named && end - at >= MIN_SECRET).then_some(at..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redact(text: &str) -> String {
        Redactor::new(["hunter2-secret".into(), "quo\"ted\\value".into(), "short".into()])
            .redact(text)
            .into_owned()
    }

    #[test]
    fn known_values_go_also_as_they_stand_in_json() {
        assert_eq!(redact("a hunter2-secret b hunter2-secret"), "a [redacted] b [redacted]");
        assert_eq!(redact(r#"{"x":"quo\"ted\\value"}"#), r#"{"x":"[redacted]"}"#);
        assert_eq!(redact("quo\"ted\\value"), "[redacted]");
        assert_eq!(redact("a short word"), "a short word");
    }

    #[test]
    fn what_looks_like_a_key_goes() {
        let (letters, digits) = ("abcdefghijklmnopqrst", "0123456789");
        for key in [
            format!("sk-{letters}{digits}"),
            format!("sk-ant-api03-{letters}-{digits}"),
            format!("ghp_{letters}{digits}"),
            format!("github_pat_{letters}{digits}"),
            format!("AKIA{}", "ABCDEFGH12345678"),
            format!("xoxb-{digits}-{letters}"),
        ] {
            assert_eq!(redact(&format!("key={key}, next")), "key=[redacted], next", "{key}");
            assert_eq!(redact(&format!("{{\"a\":\"line\\n{key}\"}}")), "{\"a\":\"line\\n[redacted]\"}");
        }
        for header in ["Authorization: Bearer", "authorization:Basic", "AUTHORIZATION: token", "x-api-key:"] {
            let text = format!("curl -H \"{header} abcdefgh12345\" url");
            assert_eq!(redact(&text), format!("curl -H \"{header} [redacted]\" url"));
        }
        assert_eq!(
            redact(r#"{\"Authorization\": \"Bearer abc.def-123\"}"#),
            r#"{\"Authorization\": \"Bearer [redacted]\"}"#
        );
    }

    #[test]
    fn ordinary_text_is_borrowed_as_it_is() {
        let redactor = Redactor::new([]);
        for text in [
            "",
            "task-with-a-rather-long-name-2024 and risk-0123456789abcdefgh",
            "class sk-circle-with-a-long-name",
            "Authorization is needed; Authorization: Bearer $OPENAI_API_KEY",
            "the word AKIA, xox, ghp_ alone – ünïcödé 🦀",
        ] {
            assert!(matches!(redactor.redact(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn secrets_that_overlap_become_one_and_redacting_twice_changes_nothing() {
        let redactor = Redactor::new(["abcdefghij".into(), "fghijklmno".into()]);
        assert_eq!(redactor.redact("-abcdefghijklmno-"), "-[redacted]-");
        let once = redact("Authorization: Bearer hunter2-secret");
        assert_eq!(once, "Authorization: Bearer [redacted]");
        assert_eq!(redact(&once), once);
        assert!(!format!("{redactor:?}").contains("abcdef"));
    }

    proptest::proptest! {
        #[test]
        fn no_known_value_survives_and_nothing_else_changes(before in "[a-z ü\n]{0,40}", after in "[a-z ü\n]{0,40}") {
            let redactor = Redactor::new(["S3CRET-VALUE".into()]);
            let text = format!("{before} S3CRET-VALUE {after}");
            proptest::prop_assert_eq!(redactor.redact(&text), format!("{before} [redacted] {after}"));
        }
    }
}

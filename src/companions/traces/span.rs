//! A span as plain data: what took how long, inside of what, with which attributes. Knows nothing of how it is sent.

/// Bytes that an attribute's text may have; what is beyond is cut and marked.
pub const MAX_TEXT: usize = 16 * 1024;
/// Events that one span may have.
pub const MAX_EVENTS: usize = 64;

/// Who does the work that a span is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// This program.
    Internal,
    /// A server or another program, on our behalf.
    Client,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(shortened(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Int(number.into())
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Int(number.into())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        Self::Bool(yes)
    }
}

/// A text within [`MAX_TEXT`], with the number of bytes that were cut.
fn shortened(text: &str) -> String {
    if text.len() <= MAX_TEXT {
        return text.to_owned();
    }
    let kept = crate::text::cut::at_most(text, MAX_TEXT);
    format!("{kept}… [{} bytes cut]", text.len() - kept.len())
}

/// Attributes by name, in the order in which they were set.
pub type Attributes = Vec<(&'static str, Value)>;

/// Something that happened at one moment of a span.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    pub name: &'static str,
    /// Microseconds since the epoch.
    pub at: i64,
    pub attributes: Attributes,
}

/// The 16 bytes that all spans of one launch share.
pub type TraceId = [u8; 16];
/// The 8 bytes that name a span in its trace.
pub type SpanId = [u8; 8];

/// One span. While it is open its end is its beginning.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    pub trace: TraceId,
    pub id: SpanId,
    pub parent: Option<SpanId>,
    pub name: String,
    pub kind: Kind,
    /// Microseconds since the epoch.
    pub start: i64,
    /// The same.
    pub end: i64,
    pub attributes: Attributes,
    pub moments: Vec<Moment>,
    /// Why it failed; `None`: it did not.
    pub error: Option<String>,
}

impl Span {
    /// Sets an attribute; the last one counts.
    pub fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        let value = value.into();
        match self.attributes.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.attributes.push((name, value)),
        }
    }

    /// Adds to a number.
    pub fn add(&mut self, name: &'static str, more: u64) {
        let old = match self.get(name) {
            Some(Value::Int(old)) => u64::try_from(*old).unwrap_or(0),
            _ => 0,
        };
        self.set(name, old.saturating_add(more));
    }

    /// An attribute's value.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Notes a moment, unless there are too many.
    pub fn note(&mut self, name: &'static str, at: i64, attributes: Attributes) {
        if self.moments.len() < MAX_EVENTS {
            self.moments.push(Moment { name, at, attributes });
        }
    }

    /// Marks it as failed: `kind` is a word of a small set, `why` a sentence.
    pub fn fail(&mut self, kind: &str, why: &str) {
        self.set("error.type", kind);
        self.error = Some(shortened(why));
    }

    /// Roughly the bytes that it takes.
    pub fn weight(&self) -> usize {
        let of = |attributes: &Attributes| {
            let one = |(name, value): &(&str, Value)| {
                name.len() + if let Value::Text(text) = value { text.len() } else { 8 } + 8
            };
            attributes.iter().map(one).sum::<usize>()
        };
        64 + self.name.len()
            + of(&self.attributes)
            + self.moments.iter().map(|moment| 32 + of(&moment.attributes)).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_and_says_how_much() {
        let Value::Text(text) = Value::from("ä".repeat(MAX_TEXT)) else { panic!("no text") };
        assert!(text.ends_with(&format!("… [{MAX_TEXT} bytes cut]")), "{}", text.len());
        assert_eq!(Value::from("short"), Value::Text("short".to_owned()));
    }
}

pub mod redact {}
use std::borrow::Cow;
#[derive(Debug, Default)]
pub struct Redactor;
impl Redactor {
    pub fn redact<'a>(&self, t: &'a str) -> Cow<'a, str> {
        Cow::Borrowed(t)
    }
}
pub fn cut_middle(text: &str, head: usize, tail: usize) -> (String, usize) {
    let _ = (head, tail);
    (text.to_owned(), 0)
}

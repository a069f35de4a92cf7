//! The system prompt of a new instance.

/// The built-in prompt, or the text that replaces it, with the date.
pub fn system_prompt(replaced: Option<&str>, today: jiff::civil::Date) -> String {
    let text = replaced.unwrap_or(include_str!("../../assets/prompt.md"));
    format!("{}\n\nToday's date: {today}", text.trim_end())
}

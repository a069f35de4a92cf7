//! Numbers as a person reads them in a sentence.

/// `1 file`, `2 files`, `2 branches`.
pub fn count(number: usize, noun: &str) -> String {
    let end = match noun {
        _ if number == 1 => "",
        _ if noun.ends_with(['s', 'h', 'x']) => "es",
        _ => "s",
    };
    format!("{number} {noun}{end}")
}

/// `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_are_counted_and_digits_stand_in_groups_of_three() {
        assert_eq!([0, 1, 2].map(|number| count(number, "file")), ["0 files", "1 file", "2 files"]);
        assert_eq!(
            [count(1, "branch"), count(2, "branch"), count(3, "process")],
            ["1 branch", "2 branches", "3 processes"]
        );
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}

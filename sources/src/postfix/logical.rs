//! Logical lines of Postfix's tables and settings: a line that begins with a blank goes on with the one before, and comments do
//! not count (access(5), postconf(5)).

use std::ops::Range;

use crate::page::lines;

/// A line with those that go on with it.
pub(crate) struct Logical {
    /// From the start of its first line to the end of its last.
    pub(crate) span: Range<usize>,
    /// Its text, with one blank where a line went on.
    pub(crate) text: String,
}

/// The logical lines of a text, and the comments before each are left out.
pub(crate) fn logical(text: &str) -> Vec<Logical> {
    let mut found: Vec<Logical> = Vec::new();
    for (span, line) in lines(text) {
        let body = line.trim();
        if body.is_empty() || body.starts_with('#') {
            continue;
        }
        match found.last_mut().filter(|_| line.starts_with([' ', '\t'])) {
            Some(last) => {
                last.span.end = span.end;
                last.text.push(' ');
                last.text.push_str(body);
            }
            None => found.push(Logical { span, text: body.to_owned() }),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_logical() {
        for (name, text, expected) in [
            ("one a line", "a OK\nb REJECT\n", vec!["a OK", "b REJECT"]),
            ("goes on", "a REJECT\n  not here\nb OK", vec!["a REJECT not here", "b OK"]),
            ("goes on after a comment", "a =\n# why\n b\n", vec!["a = b"]),
            ("a blank line ends nothing", "a =\n\n b\n", vec!["a = b"]),
            ("blank first line", "  a OK\n", vec!["a OK"]),
            ("only comments", "# a OK\n\n", vec![]),
        ] {
            let found: Vec<String> = logical(text).into_iter().map(|line| line.text).collect();
            assert_eq!(found, expected, "{name}");
        }
    }
}

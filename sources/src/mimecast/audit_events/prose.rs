//! The sentence in which an audit event says what happened: what leads it, and the labelled values after that.

use crate::codes::folded;

/// Labels that stand after a blank too, not only at the start of a clause.
const TRAILERS: &[&str] =
    &["Remote IP", "IP", "Date", "Time", "Application", "Method", "2FA", "Reason", "User Agent", "emailAddress"];

/// Labels of the event's own frame: who, when, from where; never what was changed.
const FRAME: &[&str] =
    &["date", "time", "ip", "remoteip", "application", "method", "2fa", "reason", "useragent", "success"];

/// How far before its colon a label may begin.
const LABEL_MAX_BYTES: usize = 40;
/// How many words a label may have.
const LABEL_MAX_WORDS: usize = 3;

/// A sentence, taken apart.
#[derive(Debug)]
pub(super) struct Prose<'t> {
    /// What stands before the first labelled value.
    pub(super) head: &'t str,
    whole: &'t str,
    pairs: Vec<(&'t str, &'t str)>,
}

impl<'t> Prose<'t> {
    /// Takes a sentence apart.
    pub(super) fn of(whole: &'t str) -> Prose<'t> {
        let labels: Vec<(usize, usize)> = memchr::memchr_iter(b':', whole.as_bytes())
            .filter_map(|colon| label_start(whole, colon).map(|start| (start, colon)))
            .collect();
        let ends = labels.iter().skip(1).map(|(start, _)| *start).chain([whole.len()]);
        let pairs = labels.iter().zip(ends).filter_map(|((start, colon), end)| {
            let label = whole.get(*start..*colon)?.trim();
            let value = whole.get(colon + 1..end)?;
            Some((label, value.trim().trim_end_matches(',').trim_end()))
        });
        let head = labels.first().map_or(whole, |(start, _)| whole.get(..*start).unwrap_or(whole));
        Prose { head: head.trim().trim_end_matches(',').trim_end(), whole, pairs: pairs.collect() }
    }

    /// The value under the first of these folded labels that has one; `null` and `none` are none.
    pub(super) fn get(&self, labels: &[&str]) -> Option<&'t str> {
        labels.iter().find_map(|label| {
            let is_meant = |(name, value): &&(&str, &str)| folded(name) == *label && !is_nothing(value);
            self.pairs.iter().find(is_meant).map(|(_, value)| *value)
        })
    }

    /// The labelled values that are not the event's own frame.
    pub(super) fn told(&self) -> impl Iterator<Item = (&'t str, &'t str)> {
        self.pairs
            .iter()
            .copied()
            .filter(|(label, value)| !FRAME.contains(&folded(label).as_str()) && !is_nothing(value))
    }

    /// The connecting address: `IP: 192.0.2.1`, `remote IP : 192.0.2.1`, `Remote IP is 192.0.2.1`.
    pub(super) fn address(&self) -> Option<&'t str> {
        let after = |words: &str| {
            let at = find_ascii(self.whole, words)? + words.len();
            self.whole.get(at..)?.split_whitespace().next()
        };
        let said = self.get(&["ip", "remoteip"]).or_else(|| after("remote ip is "))?;
        let said = said.split_whitespace().next()?.trim_end_matches([',', '.']);
        (!is_nothing(said)).then_some(said)
    }

    /// The mail address that leads, or that `emailAddress :` names.
    pub(super) fn mailbox(&self) -> Option<&'t str> {
        let named = self.get(&["emailaddress"]).and_then(mail_address);
        named.or_else(|| mail_address(self.head))
    }

    /// A value of the dump of an object: `aliasFor=0`, `aliases={a, b}`.
    pub(super) fn dumped(&self, key: &str) -> Option<&'t str> {
        let rest = self.whole.split_once(key)?.1.strip_prefix('=')?;
        let value = match rest.strip_prefix('{') {
            Some(inner) => inner.split('}').next()?,
            None => rest.split([',', ']', ' ']).next()?,
        };
        (!is_nothing(value)).then_some(value.trim())
    }

    /// The text between the first pair of quotes of what leads.
    pub(super) fn quoted(&self) -> Option<&'t str> {
        // What stands in an object is quoted for another reason.
        let head = self.head.split('{').next()?;
        let (at, mark) = head.char_indices().find(|(_, c)| matches!(c, '"' | '\'' | '[' | '“'))?;
        let closing = match mark {
            '[' => ']',
            '“' => '”',
            same => same,
        };
        let rest = head.get(at + mark.len_utf8()..)?;
        let inner = rest.split_once(closing)?.0.trim();
        (!inner.is_empty()).then_some(inner)
    }
}

/// Where the label begins that ends in this colon; `None` if it is no label.
fn label_start(whole: &str, colon: usize) -> Option<usize> {
    let bytes = whole.as_bytes();
    let follows_blank = bytes.get(colon + 1).is_none_or(u8::is_ascii_whitespace);
    let after_blank = colon > 0 && bytes[colon - 1] == b' ';
    if !follows_blank && !after_blank {
        return None;
    }
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b" ()_/-".contains(byte);
    let length = bytes[..colon].iter().rev().take(LABEL_MAX_BYTES + 1).take_while(|byte| is_part(byte)).count();
    let start = colon - length;
    let label = &whole[start..colon];
    let begins_clause = start == 0 || matches!(bytes[start - 1], b',' | b'\n' | b'\r' | b';');
    let is_name = label.trim_start().starts_with(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit());
    if begins_clause && is_name && length <= LABEL_MAX_BYTES && label.split_whitespace().count() <= LABEL_MAX_WORDS {
        return Some(start);
    }
    let label = label.trim_end();
    let trailer = TRAILERS.iter().find(|trailer| {
        let head = label.len().checked_sub(trailer.len());
        head.is_some_and(|head| {
            label.is_char_boundary(head)
                && label[head..].eq_ignore_ascii_case(trailer)
                && (head == 0 || label.as_bytes()[head - 1] == b' ')
        })
    })?;
    Some(start + label.len() - trailer.len())
}

/// The first mail address of a text, without what a dump appends to it.
pub(super) fn mail_address(text: &str) -> Option<&str> {
    let is_part = |c: char| c.is_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-@".contains(c);
    let word = text
        .split(|c| !is_part(c))
        .find(|word| word.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.')))?;
    let word = word.strip_suffix("Address").filter(|_| text.contains("Address[")).unwrap_or(word);
    Some(word.trim_end_matches(['.', '\'']).trim_start_matches('\''))
}

fn is_nothing(value: &str) -> bool {
    value.is_empty() || ["null", "none", "n/a", "-"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// Where `word`, which is lower-case ASCII, stands in a text, whatever its case there.
fn find_ascii(text: &str, word: &str) -> Option<usize> {
    let (text, word) = (text.as_bytes(), word.as_bytes());
    (text.len() >= word.len()).then(|| text.windows(word.len()).position(|part| part.eq_ignore_ascii_case(word)))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_sentences() {
        for (name, text, head, labels) in [
            (
                "clauses",
                "Successful authentication for a@example.com <A B>, Date: 2026-05-02, Time: 10:00:00 BST, IP: 192.0.2.1",
                "Successful authentication for a@example.com <A B>",
                vec![("Date", "2026-05-02"), ("Time", "10:00:00 BST"), ("IP", "192.0.2.1")],
            ),
            (
                "blanks",
                "Action Performed - x by a@example.com Date: 2026-05-02 Time: 10:00:00 +0100 IP: 192.0.2.1 Application: Portal",
                "Action Performed - x by a@example.com",
                vec![
                    ("Date", "2026-05-02"),
                    ("Time", "10:00:00 +0100"),
                    ("IP", "192.0.2.1"),
                    ("Application", "Portal"),
                ],
            ),
            (
                "lines",
                "Connector made\nName: A - B, Description: null\nSuccess: true",
                "Connector made",
                vec![("Name", "A - B"), ("Description", "null"), ("Success", "true")],
            ),
            ("JSON within", "Ran - {\"a\":\"b\", \"c\": [1]}", "Ran - {\"a\":\"b\", \"c\": [1]}", vec![]),
            ("nothing", "No changes found.", "No changes found.", vec![]),
            ("only a colon", ":", ":", vec![]),
        ] {
            let prose = Prose::of(text);
            assert_eq!(prose.head, head, "{name}");
            assert_eq!(prose.pairs, labels, "{name}");
        }
    }

    #[test]
    fn ok_dumps() {
        let text = "failed authentication, emailAddress :a@example.comAddress[id=7, aliasFor=12, aliases={b@example.com, \
                    c@example.com}, alternateAddresses={}] remote IP : 192.0.2.1 application : moa";
        let prose = Prose::of(text);
        assert_eq!(prose.mailbox(), Some("a@example.com"));
        assert_eq!(prose.address(), Some("192.0.2.1"));
        assert_eq!(prose.get(&["application"]), Some("moa"));
        assert_eq!(prose.dumped("aliasFor"), Some("12"));
        assert_eq!(prose.dumped("aliases"), Some("b@example.com, c@example.com"));
        assert_eq!(prose.dumped("alternateAddresses"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken_apart(text in "(IP|Date|é|Remote IP is |aliases=|[:, \\n{}'\\[\\]A-Za-z0-9@.“<>-]){0,60}") {
            let prose = Prose::of(&text);
            let _ = (prose.address(), prose.mailbox(), prose.quoted(), prose.dumped("aliases"));
            proptest::prop_assert!(prose.told().all(|(label, value)| text.contains(label) && text.contains(value)));
        }
    }
}

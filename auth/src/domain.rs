//! Domain names in one spelling.

use std::borrow::Cow;

use idna::AsciiDenyList;

/// Longest name in the DNS, in text without the last dot (RFC 1035, 2.3.4).
pub const MAX_NAME_BYTES: usize = 253;

/// Longest label of a name (RFC 1035, 2.3.4).
const MAX_LABEL_BYTES: usize = 63;

/// A name in normal form: lower case, without the last dot, international labels as A-labels (RFC 5890).
///
/// A name that cannot be turned into A-labels stays as it is, and then is no name of the DNS ([`is_dns_name`]).
pub fn normal(name: &str) -> String {
    let name = ascii(name.trim());
    name.strip_suffix('.').unwrap_or(&name).to_ascii_lowercase()
}

/// The name with its international labels as A-labels; the case of a name that has none stays.
pub fn ascii(name: &str) -> Cow<'_, str> {
    if name.is_ascii() {
        return Cow::Borrowed(name);
    }
    // No ASCII is denied here: names such as `_dmarc` are no host names.
    idna::domain_to_ascii_cow(name.as_bytes(), AsciiDenyList::EMPTY).unwrap_or(Cow::Borrowed(name))
}

/// Whether a name in normal form can be asked for: ASCII, at most 253 bytes, labels of 1 to 63 bytes.
pub fn is_dns_name(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES
        && name.is_ascii()
        && name.split('.').all(|label| (1..=MAX_LABEL_BYTES).contains(&label.len()))
}

/// Whether a name in normal form can stand behind the @ of an address: two labels or more, of letters, digits, `-` and `_`.
pub fn is_mail_domain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    is_dns_name(name) && name.contains('.') && name.bytes().all(plain)
}

/// The name without its first label; `None` for a name of one label.
pub fn parent(name: &str) -> Option<&str> {
    name.split_once('.').map(|(_, parent)| parent)
}

/// How many labels a name has.
pub fn label_count(name: &str) -> usize {
    name.split('.').count()
}

/// Whether `name` is `domain` or lies below it; both in normal form.
pub fn is_within(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|head| head.is_empty() || head.ends_with('.')) && !domain.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_within() {
        for (name, domain, expected) in [
            ("example.com", "example.com", true),
            ("mail.example.com", "example.com", true),
            ("badexample.com", "example.com", false),
            ("com", "example.com", false),
            ("example.com", "", false),
        ] {
            assert_eq!(is_within(name, domain), expected, "{name} in {domain}");
        }
        assert_eq!(normal(" Mail.Example.COM. "), "mail.example.com");
    }

    #[test]
    fn ok_names() {
        for (name, is_name, is_mail) in [
            ("example.com", true, true),
            ("com", true, false),
            ("a..example.com", false, false),
            ("", false, false),
            ("[192.0.2.1]", true, false),
            ("foo:bar/baz.example.com", true, false),
            ("_dmarc.example.com", true, true),
            (&format!("{}.example.com", "a".repeat(64)), false, false),
            (&format!("{}example.com", "a.".repeat(125)), false, false),
        ] {
            assert_eq!((is_dns_name(name), is_mail_domain(name)), (is_name, is_mail), "{name}");
        }
        assert_eq!(normal("B\u{fc}cher.Example."), "xn--bcher-kva.example");
        assert!(!is_dns_name(&normal("\u{fffd}.example")));
        assert_eq!((parent("a.b.c"), parent("c")), (Some("b.c"), None));
        assert_eq!(label_count("a.b.c"), 3);
    }
}

//! Domain names in one spelling.

/// A name in normal form: ASCII lower case, without the last dot. International names are to be A-labels (RFC 5890).
pub fn normal(name: &str) -> String {
    let mut name = name.trim().to_ascii_lowercase();
    if name.ends_with('.') {
        name.pop();
    }
    name
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
}

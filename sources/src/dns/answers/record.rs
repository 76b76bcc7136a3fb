//! One resource record in presentation form (RFC 1035, 5.1), and the question that a command names.

/// Types of records that a line is recognised by.
const TYPES: &[&str] = &[
    "A", "AAAA", "CAA", "CNAME", "DNAME", "DNSKEY", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "RRSIG", "SOA", "SPF",
    "SRV", "SSHFP", "SVCB", "TLSA", "TXT", "SMIMEA",
];

/// Types by their number, as JSON answers write them (IANA, DNS parameters).
const NUMBERS: &[(u64, &str)] = &[
    (1, "A"),
    (2, "NS"),
    (5, "CNAME"),
    (6, "SOA"),
    (12, "PTR"),
    (15, "MX"),
    (16, "TXT"),
    (28, "AAAA"),
    (33, "SRV"),
    (39, "DNAME"),
    (43, "DS"),
    (46, "RRSIG"),
    (48, "DNSKEY"),
    (52, "TLSA"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (99, "SPF"),
    (257, "CAA"),
];

/// Response codes by their number (RFC 1035, 4.1.1; RFC 6895, 2.3).
const STATUSES: &[(u64, &str)] =
    &[(0, "NOERROR"), (1, "FORMERR"), (2, "SERVFAIL"), (3, "NXDOMAIN"), (4, "NOTIMP"), (5, "REFUSED"), (9, "NOTAUTH")];

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Lower case, without the last dot.
    pub(super) name: String,
    /// Upper case.
    pub(super) record_type: String,
    pub(super) ttl_seconds: Option<u32>,
    pub(super) data: String,
}

/// A name as it is compared: lower case, without the last dot.
pub(super) fn name(said: &str) -> String {
    said.trim().trim_end_matches('.').to_lowercase()
}

/// The name of a type that stands as a number or a word.
pub(super) fn type_name(said: &str) -> String {
    let said = said.trim();
    match said.parse::<u64>() {
        Ok(number) => {
            let known = NUMBERS.iter().find(|(known, _)| *known == number);
            known.map_or_else(|| format!("TYPE{number}"), |(_, name)| (*name).to_owned())
        }
        Err(_) => said.to_uppercase(),
    }
}

/// The name of a response code that stands as a number or a word.
pub(super) fn status_name(said: &str) -> String {
    let said = said.trim();
    match said.parse::<u64>() {
        Ok(number) => {
            let known = STATUSES.iter().find(|(known, _)| *known == number);
            known.map_or_else(|| format!("RCODE{number}"), |(_, name)| (*name).to_owned())
        }
        Err(_) => said.to_uppercase(),
    }
}

/// Whether a word is a type of record.
pub(super) fn is_type(word: &str) -> bool {
    let digits = word.strip_prefix("TYPE").unwrap_or("");
    TYPES.iter().any(|known| known.eq_ignore_ascii_case(word))
        || (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Reads `name [ttl] [IN] TYPE data`, with class or TTL stated; `owner` is the name of a line that has none.
pub(super) fn record(line: &str, owner: Option<&str>) -> Option<Record> {
    let is_continued = line.starts_with([' ', '\t']);
    let mut rest = line.trim_start();
    let named = if is_continued { owner? } else { word(&mut rest)? };
    let (mut ttl_seconds, mut has_class, mut kind) = (None, false, None);
    while kind.is_none() {
        let next = word(&mut rest)?;
        if next.eq_ignore_ascii_case("IN") || next.eq_ignore_ascii_case("CH") {
            has_class = true;
        } else if ttl_seconds.is_none() && next.starts_with(|c: char| c.is_ascii_digit()) {
            ttl_seconds = Some(seconds(next)?);
        } else if is_type(next) {
            kind = Some(next.to_uppercase());
        } else {
            return None;
        }
    }
    let record_type = kind.filter(|_| has_class || ttl_seconds.is_some())?;
    let data = data(rest.trim(), &record_type);
    Some(Record { name: name(named), record_type, ttl_seconds, data })
}

/// Takes the first word off a text.
fn word<'t>(rest: &mut &'t str) -> Option<&'t str> {
    let text = rest.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (word, after) = text.split_at(end);
    *rest = after;
    (!word.is_empty()).then_some(word)
}

/// `3600`, or `1h30m` as zone files write it.
fn seconds(said: &str) -> Option<u32> {
    let (mut sum, mut number) = (0u32, String::new());
    for c in said.chars() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let unit = match c.to_ascii_lowercase() {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        sum = sum.checked_add(number.parse::<u32>().ok()?.checked_mul(unit)?)?;
        number.clear();
    }
    if number.is_empty() { Some(sum) } else { sum.checked_add(number.parse().ok()?) }
}

/// The data of a record: the strings of a TXT record joined without their quotes, everything else with single blanks.
pub(super) fn data(said: &str, record_type: &str) -> String {
    match record_type {
        "TXT" | "SPF" if said.contains('"') => strings(said).concat(),
        "TXT" | "SPF" => said.to_owned(),
        _ => said.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

/// The strings of a TXT record: quoted ones, and words without quotes; `\"`, `\\` and `\ddd` decoded (RFC 1035, 5.1).
pub(super) fn strings(said: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut bytes, mut quoted, mut open) = (Vec::new(), false, false);
    let mut rest = said.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => {
                if quoted || !bytes.is_empty() {
                    found.push(text(std::mem::take(&mut bytes)));
                }
                (quoted, open) = (!quoted, false);
            }
            b'\\' => {
                let digits = rest.as_slice_of_three();
                match digits {
                    Some(code) => {
                        bytes.push(code);
                        rest.nth(2);
                    }
                    None => bytes.extend(rest.next()),
                }
                open = true;
            }
            byte if !quoted && byte.is_ascii_whitespace() => {
                if open || !bytes.is_empty() {
                    found.push(text(std::mem::take(&mut bytes)));
                    open = false;
                }
            }
            byte => bytes.push(byte),
        }
    }
    if !bytes.is_empty() {
        found.push(text(bytes));
    }
    found
}

/// Bytes of a string as text; what is no UTF-8 is replaced.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Looks at the next three bytes as a decimal code.
trait ThreeDigits {
    /// The byte that they stand for, if they do.
    fn as_slice_of_three(&self) -> Option<u8>;
}

impl ThreeDigits for std::str::Bytes<'_> {
    fn as_slice_of_three(&self) -> Option<u8> {
        let code: Vec<u8> = self.clone().take(3).collect();
        let digits = std::str::from_utf8(&code).ok().filter(|_| code.iter().all(u8::is_ascii_digit))?;
        if digits.len() == 3 { digits.parse().ok() } else { None }
    }
}

/// The name and type that a command line asks for: `dig +short TXT example.com @192.0.2.53`.
pub(super) fn question(command: &str) -> Option<(String, String)> {
    let (mut named, mut kind, mut skip) = (None, None, false);
    for word in command.split_whitespace() {
        if std::mem::take(&mut skip) {
            continue;
        }
        match word {
            "-t" | "-q" | "-c" => {}
            "-p" | "-b" | "-k" | "-y" | "-f" => skip = true,
            _ if word.starts_with(['+', '@', '-', ';']) || word.eq_ignore_ascii_case("IN") => {}
            _ if kind.is_none() && is_type(word) => kind = Some(word.to_uppercase()),
            _ if named.is_none() => named = Some(name(word)),
            _ => {}
        }
    }
    Some((named.filter(|named| !named.is_empty())?, kind.unwrap_or_else(|| "A".to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_records() {
        for (line, expected) in [
            ("Example.COM.\t300\tIN\tTXT\t\"v=spf1 \" \"-all\"", ("example.com", "TXT", Some(300), "v=spf1 -all")),
            ("example.com. IN 1h30m MX 10   mx.example.com.", ("example.com", "MX", Some(5400), "10 mx.example.com.")),
            ("a.example. 60 A 192.0.2.1", ("a.example", "A", Some(60), "192.0.2.1")),
            (r#"q.example. IN TXT "a\"b\\c\059d" e"#, ("q.example", "TXT", None, "a\"b\\c;de")),
            ("u.example. 5 IN TYPE65534 \\# 2 0000", ("u.example", "TYPE65534", Some(5), "\\# 2 0000")),
        ] {
            let found = record(line, None).expect(line);
            let found = (found.name, found.record_type, found.ttl_seconds, found.data);
            let (name, kind, ttl, data) = expected;
            assert_eq!(found, (name.to_owned(), kind.to_owned(), ttl, data.to_owned()), "{line}");
        }
    }

    #[test]
    fn no_records() {
        for line in ["", "a", "a b", "May 2 10:00:00 mx1 postfix", "a IN", "a TXT x", "a 99999999999 IN A x", "x IN IN"]
        {
            assert_eq!(record(line, None), None, "{line}");
        }
    }

    #[test]
    fn questions() {
        for (command, expected) in [
            ("+short TXT _dmarc.Example.com. @192.0.2.53", Some(("_dmarc.example.com", "TXT"))),
            ("example.com", Some(("example.com", "A"))),
            ("-t mx example.com -p 5353", Some(("example.com", "MX"))),
            ("+short", None),
        ] {
            let found = question(command);
            assert_eq!(found.as_ref().map(|(name, kind)| (name.as_str(), kind.as_str())), expected, "{command}");
        }
    }
}

//! Blocks of a message/delivery-status part (RFC 3464, 2.2 and 2.3), also malformed ones.

use evidence::{Address, Cite, Dsn, DsnAction, Identifier, Peer, Reply};

use crate::message::fields::Field;

/// Fields that belong together, and the lines that they take.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// The fields.
    pub(crate) fields: Vec<Field>,
    /// All their lines.
    pub(crate) cite: Cite,
}

/// Cuts fields into blocks where a field that stands once a recipient comes again.
pub(crate) fn split(fields: Vec<Field>, file: &[u8], found: &mut Vec<Block>) {
    let mut current: Vec<Field> = Vec::new();
    for field in fields {
        let anew = ["original-recipient", "final-recipient", "action", "status"].iter().any(|name| field.is(name))
            && current.iter().any(|before| before.is(&field.name));
        if anew {
            close(&mut current, file, found);
        }
        current.push(field);
    }
    close(&mut current, file, found);
}

fn close(current: &mut Vec<Field>, file: &[u8], found: &mut Vec<Block>) {
    let (Some(first), Some(last)) = (current.first(), current.last()) else { return };
    let bytes = first.cite.bytes.start..last.cite.bytes.end.max(first.cite.bytes.end);
    let shown = bytes.start as usize..bytes.end.min(bytes.start + 1_200) as usize;
    let said = match file.get(shown) {
        Some(record) if !record.contains(&0) => String::from_utf8_lossy(record).into_owned(),
        _ => current.iter().map(|field| &*field.cite.said).collect::<Vec<_>>().join("\n"),
    };
    let cite = Cite::new(first.cite.file.clone(), first.cite.place, bytes, &said);
    found.push(Block { fields: std::mem::take(current), cite });
}

/// Fields that only a machine part has (RFC 3464, 2.2 and 2.3).
const MACHINE: &[&str] =
    &["reporting-mta", "original-recipient", "final-recipient", "diagnostic-code", "original-envelope-id"];

/// Whether a line is a field of a machine part.
pub(crate) fn is_machine_line(line: &str) -> bool {
    line.split_once(':')
        .is_some_and(|(name, _)| MACHINE.iter().any(|known| name.trim_end().eq_ignore_ascii_case(known)))
}

impl Block {
    /// Whether it has a field that only machine parts have.
    pub(crate) fn is_machine(&self) -> bool {
        self.fields.iter().any(|field| MACHINE.iter().any(|name| field.is(name)))
    }

    /// The value of a field, if it is not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.is(name) && !field.value.is_empty()).map(|field| field.value.as_str())
    }

    /// Whether this is about a recipient.
    pub(crate) fn names_recipient(&self) -> bool {
        ["final-recipient", "original-recipient", "action", "status", "diagnostic-code"]
            .iter()
            .any(|name| self.get(name).is_some())
    }

    /// The recipients as the sender wrote them and as the reporting server knew them.
    pub(crate) fn envelope_recipients(&self) -> Vec<Address> {
        let mut found = Vec::new();
        for name in ["original-recipient", "final-recipient"] {
            if let Some(address) = self.get(name).map(typed).filter(|text| text.contains('@')).map(Address::new)
                && !found.contains(&address)
            {
                found.push(address);
            }
        }
        found
    }

    /// A host field such as `dns; mx.example.com (192.0.2.1)`.
    pub(crate) fn host(&self, name: &str) -> Option<Peer> {
        let text = typed(self.get(name)?);
        let mut peer = Peer::default();
        for word in text.split([' ', '(', ')', '[', ']', ',', ';']).filter(|word| !word.is_empty()) {
            if word.parse::<std::net::IpAddr>().is_ok() {
                peer.ip = peer.ip.or(Some(word.to_ascii_lowercase()));
            } else if peer.name.is_none() && peer.ip.is_none() {
                peer.name = Some(word.trim_end_matches('.').to_ascii_lowercase());
            }
        }
        (peer.name.is_some() || peer.ip.is_some()).then_some(peer)
    }

    /// What the block says of its recipient; `None` if it says nothing.
    pub(crate) fn dsn(&self, reporting: Option<Peer>) -> Option<Dsn> {
        let diagnostic = self.get("diagnostic-code").map(typed).unwrap_or("");
        let status = self.get("status").and_then(enhanced_code);
        let mut reply = reply(&diagnostic.split_whitespace().collect::<Vec<_>>().join(" "));
        let told = reply.enhanced_status_code.take();
        reply.enhanced_status_code = match (status, told) {
            // A lazy 5.0.0 gives way to what the refusing server said.
            (Some(status), Some(told)) if status.ends_with(".0.0") => Some(told),
            (Some(status), _) => Some(status),
            (None, told) => told,
        };
        let class = reply.enhanced_status_code.as_deref().and_then(|code| code.chars().next());
        let action = match self.get("action").map(|word| word.to_ascii_lowercase()) {
            Some(word) if word.starts_with("fail") || word.starts_with("bounce") => DsnAction::Failed,
            Some(word) if word.starts_with("delay") => DsnAction::Delayed,
            Some(word) if word.starts_with("deliverable") || word.starts_with("delivered") => DsnAction::Delivered,
            Some(word) if word.starts_with("relayed") => DsnAction::Relayed,
            Some(word) if word.starts_with("expanded") => DsnAction::Expanded,
            _ => match (class, reply.reply_code) {
                (Some('2'), _) => DsnAction::Delivered,
                (Some('4'), _) | (None, Some(400..=499)) => DsnAction::Delayed,
                (Some('5'), _) | (None, Some(500..=599)) => DsnAction::Failed,
                _ => return None,
            },
        };
        let remote =
            self.host("remote-mta").filter(|remote| reporting.as_ref().is_none_or(|own| own.name != remote.name));
        Some(Dsn { action, reply, reporting, remote })
    }
}

/// The text after `rfc822;`, `rfc/822;`, `dns;` or `smtp;`; the whole text if no type leads.
fn typed(value: &str) -> &str {
    match value.split_once(';') {
        Some((kind, text)) if kind.trim().len() <= 20 && !kind.trim().contains([' ', '@', '.']) => text.trim(),
        _ => value.trim(),
    }
}

/// Reads reply code, enhanced status code and text of a refusal, wherever in the text the codes stand.
pub fn reply(text: &str) -> Reply {
    Reply { reply_code: reply_code(text), enhanced_status_code: enhanced_code(text), text: text.trim().to_owned() }
}

/// How far into a text codes are looked for.
const LOOK_AT: usize = 4_000;

/// The first number from 400 to 599 (or 250) that stands as a word.
fn reply_code(text: &str) -> Option<u16> {
    let head = &text[..text.floor_char_boundary(LOOK_AT.min(text.len()))];
    words(head).find_map(|word| {
        let number = word.get(..3)?.parse::<u16>().ok()?;
        let rest = &word[3..];
        let ends = rest.is_empty() || rest.starts_with(['-', ':', ';', ',']);
        ((400..600).contains(&number) || number == 250).then_some(number).filter(|_| ends)
    })
}

/// The first `class.subject.detail` of RFC 3463 that stands as a word, such as `5.7.1`.
pub(crate) fn enhanced_code(text: &str) -> Option<String> {
    let head = &text[..text.floor_char_boundary(LOOK_AT.min(text.len()))];
    words(head).find_map(|word| {
        let end = word.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(word.len());
        let code = word[..end].trim_end_matches('.');
        let numbers: Vec<&str> = code.split('.').collect();
        let sound = numbers.len() == 3
            && matches!(numbers[0], "2" | "4" | "5")
            && numbers[1..].iter().all(|number| (1..=3).contains(&number.len()));
        sound.then(|| code.to_owned())
    })
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| {
        c.is_whitespace() || matches!(c, '(' | ')' | '<' | '>' | '[' | ']' | '#' | '\'' | '"' | ';' | '=' | '_')
    })
    .flat_map(|word| word.split_once('-').map_or([word, ""], |(head, tail)| [head, tail]))
    .filter(|word| !word.is_empty())
}

/// The Mimecast code at the end of a refusal, `[AbCdEfGhIjKlMnOpQrStUv.uk123]`.
pub(crate) fn mimecast_code(text: &str) -> Option<Identifier> {
    let (_, rest) = text.rsplit_once('[')?;
    let (inner, _) = rest.split_once(']')?;
    let (code, region) = inner.split_once('.')?;
    let sound = code.len() == 22
        && code.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        && (2..=8).contains(&region.len())
        && region.bytes().all(|b| b.is_ascii_alphanumeric());
    sound.then(|| Identifier::acode(code)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_codes() {
        for (name, text, code, enhanced) in [
            ("usual", "550 5.1.1 <a@example.com>: no such user", Some(550), Some("5.1.1")),
            ("hash", "#550 5.2.3 RESOLVER.RST.RecipSizeLimit; too large ##", Some(550), Some("5.2.3")),
            ("joined", "550-5.7.26 unauthenticated", Some(550), Some("5.7.26")),
            ("hop", "mail.example.com #<mail.example.com #5.7.1 smtp;530 5.7.1 no> #SMTP#", Some(530), Some("5.7.1")),
            ("an address is no code", "Connected to 5.7.1.9 but nobody answered", None, None),
            ("three parts", "5.7.54 SMTP; Unable to relay", None, Some("5.7.54")),
            ("nothing", "mailbox full", None, None),
            ("quoted", "returned '550 5.4.312 Message expired'", Some(550), Some("5.4.312")),
        ] {
            let found = reply(text);
            assert_eq!((found.reply_code, found.enhanced_status_code.as_deref()), (code, enhanced), "{name}");
        }
    }

    #[test]
    fn ok_mimecast_codes() {
        let text = "550 Rejected by header based Anti-Spoofing policy [AbCdEfGhIjKlMnOpQrStUv.uk123]";
        assert_eq!(mimecast_code(text), Identifier::acode("AbCdEfGhIjKlMnOpQrStUv"));
        assert_eq!(mimecast_code("550 no [192.0.2.1]"), None);
    }
}

//! Received fields (RFC 5321, 4.4) as Exchange, Google, Postfix, Exim, qmail, sendmail, Mimecast, amavis and Dovecot
//! write them.

use evidence::{Address, Hop, Identifier, Peer, Product, System};

/// What one Received field says.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// The transfer; its index is set by the caller.
    pub(crate) hop: Hop,
    /// Who wrote it.
    pub(crate) speaker: System,
    /// The queue id or Mimecast code in it, where the writer's ids are such.
    pub(crate) id: Option<Identifier>,
    /// The text after the last `;` outside comments.
    pub(crate) date: Option<String>,
}

/// A word or a comment of the field.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Comment(String),
}

/// Cuts a structured field into words and comments, and finds the last `;` outside both comments and quotes.
fn tokens(value: &str) -> (Vec<Token>, Option<String>) {
    let mut found = Vec::new();
    let mut current = String::new();
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    let mut date_at = None;
    let mut words_before_date = 0;
    for (at, c) in value.char_indices() {
        if escaped {
            current.push(c);
            escaped = false;
            continue;
        }
        match c {
            '\\' => escaped = true,
            '"' if depth == 0 => quoted = !quoted,
            '(' if !quoted => {
                if depth == 0 {
                    flush(&mut current, &mut found);
                } else {
                    current.push(c);
                }
                depth += 1;
            }
            ')' if !quoted && depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    found.push(Token::Comment(std::mem::take(&mut current)));
                } else {
                    current.push(c);
                }
            }
            ';' if depth == 0 && !quoted => {
                flush(&mut current, &mut found);
                date_at = Some(at + 1);
                words_before_date = found.len();
            }
            c if c.is_whitespace() && depth == 0 && !quoted => flush(&mut current, &mut found),
            c => current.push(c),
        }
    }
    flush(&mut current, &mut found);
    let date = date_at.and_then(|at| value.get(at..)).map(|date| date.trim().to_owned());
    if date.is_some() {
        found.truncate(words_before_date);
    }
    (found, date)
}

fn flush(current: &mut String, found: &mut Vec<Token>) {
    if !current.trim().is_empty() {
        found.push(Token::Word(current.trim().to_owned()));
    }
    current.clear();
}

/// The clauses of a Received field: each key word with the words and comments after it.
#[derive(Default)]
struct Clauses {
    from: Vec<Token>,
    by: Vec<Token>,
    with: Vec<String>,
    id: Option<String>,
    recipient: Option<String>,
    comments: Vec<String>,
}

fn clauses(found: Vec<Token>) -> Clauses {
    let mut clauses = Clauses::default();
    let mut key = String::new();
    for token in found {
        let word = match token {
            Token::Comment(text) => {
                match key.as_str() {
                    "from" => clauses.from.push(Token::Comment(text.clone())),
                    "by" => clauses.by.push(Token::Comment(text.clone())),
                    _ => {}
                }
                clauses.comments.push(text);
                continue;
            }
            Token::Word(word) => word,
        };
        let lower = word.to_ascii_lowercase();
        // `from` as the value of another key does not start a new clause: `for from@...` has an `@`.
        if matches!(lower.as_str(), "from" | "by" | "with" | "id" | "for" | "via") {
            if lower == "via" {
                clauses.with.push(word);
            }
            key = if lower == "via" { "with".to_owned() } else { lower };
            continue;
        }
        match key.as_str() {
            "from" => clauses.from.push(Token::Word(word)),
            "by" => clauses.by.push(Token::Word(word)),
            "with" => clauses.with.push(word),
            "id" if clauses.id.is_none() => clauses.id = Some(word),
            "for" if clauses.recipient.is_none() => clauses.recipient = Some(word),
            _ => {}
        }
    }
    clauses
}

/// An IP address without brackets, `IPv6:` prefix and `%` zone; `None` if it is none.
fn ip_of(word: &str) -> Option<String> {
    let word = word.trim_matches(|c: char| matches!(c, '[' | ']' | ',' | ';' | ' '));
    let word = word.strip_prefix("IPv6:").or_else(|| word.strip_prefix("ipv6:")).unwrap_or(word);
    let word = word.split(['%', ']']).next().unwrap_or(word);
    word.parse::<std::net::IpAddr>().ok().map(|_| word.to_ascii_lowercase())
}

fn host_of(word: &str) -> Option<String> {
    let word = word.trim_matches(|c: char| matches!(c, '[' | ']' | ',' | ';' | '<' | '>')).trim_end_matches('.');
    let is_host = !word.is_empty()
        && word.len() <= 255
        && !word.contains(['@', '=', '/', ' '])
        && !word.eq_ignore_ascii_case("unknown");
    is_host.then(|| word.to_ascii_lowercase())
}

/// The server of a `from` or `by` clause: its name as resolved where the writer says so, else as it called itself.
fn peer(clause: &[Token]) -> Option<Peer> {
    let mut peer = Peer::default();
    let mut resolved = None;
    for token in clause {
        match token {
            Token::Word(word) => match ip_of(word) {
                Some(ip) => peer.ip = peer.ip.or(Some(ip)),
                None => peer.name = peer.name.or_else(|| host_of(word)),
            },
            Token::Comment(text) => {
                for word in text.split_whitespace() {
                    let bare = word.rsplit_once('@').map_or(word, |(_, host)| host);
                    if let Some(ip) = ip_of(bare) {
                        peer.ip = peer.ip.or(Some(ip));
                    }
                }
                // `helo (rdns [ip])`: Postfix, sendmail, Google.
                if let Some((head, _)) = text.split_once('[')
                    && head.split_whitespace().count() == 1
                    && !head.contains('@')
                {
                    resolved = resolved.or_else(|| host_of(head.trim()));
                }
                if let Some(helo) = text.trim().strip_prefix("HELO ").or_else(|| text.trim().strip_prefix("EHLO ")) {
                    peer.name = peer.name.or_else(|| host_of(helo));
                }
            }
        }
    }
    peer.name = resolved.filter(|name| name.contains('.')).or(peer.name);
    (peer.name.is_some() || peer.ip.is_some()).then_some(peer)
}

/// The first label of a host name, as in [`Identifier::queue_id`].
pub(crate) fn label(host: &str) -> String {
    host.split('.').next().unwrap_or(host).to_ascii_lowercase()
}

/// Whether a host belongs to Exchange Online.
pub(crate) fn is_exchange_online(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    ["outlook.com", "office365.com", "office365.us", "microsoft.com", "outlook.cn", "office.com", "exchangelabs.com"]
        .iter()
        .any(|domain| host == *domain || host.ends_with(&format!(".{domain}")))
}

/// Whether a host belongs to Mimecast.
pub(crate) fn is_mimecast(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    ["mimecast.com", "mimecast.lan", "mimecast.co.za", "mimecast-offshore.com"]
        .iter()
        .any(|domain| host == *domain || host.ends_with(&format!(".{domain}")))
}

/// The system that runs a host, by the host's name alone.
pub(crate) fn system_of_host(host: &str) -> System {
    if is_exchange_online(host) {
        System::of(Product::ExchangeOnline)
    } else if is_mimecast(host) {
        System::of(Product::Mimecast)
    } else {
        System::of(Product::Other(host.to_ascii_lowercase()))
    }
}

/// Who wrote the field, by the words that each writer uses.
fn speaker(by: &str, with: &str, comments: &[String]) -> System {
    let says = |word: &str| comments.iter().any(|comment| comment.contains(word));
    let at = |product: Product| match by {
        "" => System::of(product),
        host => System::at(product, label(host)),
    };
    let other = |name: &str| at(Product::Other(name.to_owned()));
    if is_exchange_online(by) || is_mimecast(by) {
        system_of_host(by)
    } else if says("amavis") {
        let host = comments.iter().find_map(|comment| comment.split_whitespace().next().and_then(host_of));
        System::at(Product::Amavis, label(&host.filter(|_| by == "localhost").unwrap_or_else(|| by.to_owned())))
    } else if comments.iter().any(|c| c == "Postfix" || c.starts_with("Postfix,") || c.starts_with("Postfix ")) {
        at(Product::Postfix)
    } else if says("Dovecot") || (with.eq_ignore_ascii_case("lmtp") && !by.is_empty()) {
        at(Product::Dovecot)
    } else if says("Exim") {
        at(Product::Exim)
    } else if says("qmail ") {
        other("qmail")
    } else if by.ends_with("google.com") {
        System::of(Product::Other("Google".to_owned()))
    } else if with.contains("Microsoft SMTP Server") || with.starts_with("mapi") {
        other("Exchange Server")
    } else if by.ends_with("pphosted.com") || says("Proofpoint") {
        System::of(Product::Other("Proofpoint".to_owned()))
    } else if comments.iter().any(|c| is_sendmail_version(c)) {
        other("sendmail")
    } else {
        System::of(Product::Other(if by.is_empty() { "unnamed host".to_owned() } else { by.to_owned() }))
    }
}

/// `8.15.2/8.15.2/Debian-22`.
fn is_sendmail_version(comment: &str) -> bool {
    let mut parts = comment.split('/');
    let version = |part: Option<&str>| part.is_some_and(|part| part.starts_with("8.") && part.len() >= 4);
    version(parts.next()) && version(parts.next())
}

/// The id, where it names the message at its writer: never Exchange's version numbers.
fn identifier(speaker: &System, by: &str, id: &str) -> Option<Identifier> {
    match &speaker.product {
        Product::Postfix => Some(Identifier::queue_id(by, None, id)),
        Product::Mimecast => mimecast_code(id).and_then(Identifier::acode),
        Product::Exim if !by.is_empty() => Some(Identifier::queue_id(by, None, id)),
        Product::Other(name) if matches!(name.as_str(), "sendmail" | "Proofpoint") && !by.is_empty() => {
            Some(Identifier::queue_id(by, None, id))
        }
        _ => None,
    }
}

/// The code within `us-mta-12-AbCdEfGhIjKlMnOpQrStUv-1`: it may hold dashes itself.
fn mimecast_code(id: &str) -> Option<&str> {
    let (_, rest) = id.split_once("-mta-")?;
    let (_, rest) = rest.split_once('-')?;
    let (code, tail) = rest.rsplit_once('-')?;
    (code.len() >= 16 && tail.bytes().all(|b| b.is_ascii_digit())).then_some(code)
}

/// Reads one Received field.
pub(crate) fn parse(value: &str) -> Received {
    let (found, date) = tokens(value);
    let clauses = clauses(found);
    let by = peer(&clauses.by);
    let by_name = by.as_ref().and_then(|by| by.name.clone()).unwrap_or_default();
    let with = clauses.with.join(" ");
    let speaker = speaker(&by_name, &with, &clauses.comments);
    let id = clauses.id.map(|id| id.trim_matches(['<', '>', ',']).to_owned()).filter(|id| !id.is_empty());
    let recipient = clauses
        .recipient
        .filter(|recipient| recipient.contains('@'))
        .map(|recipient| Address::new(recipient.trim_end_matches([',', ';'])));
    Received {
        id: id.as_deref().and_then(|id| identifier(&speaker, &by_name, id)),
        hop: Hop {
            index: 0,
            from: peer(&clauses.from),
            by,
            with: (!with.is_empty()).then_some(with),
            id,
            envelope_recipient: recipient,
        },
        speaker,
        date,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_received() {
        for (name, value, expected) in [
            (
                "postfix",
                "from helo.example (mail.example.net [192.0.2.1]) (using TLSv1.3 with cipher X (256/256 bits)) \
                 (No client certificate requested) by mx1.example.com (Postfix) with ESMTPS id 4XyZ12 \
                 for <Pat@example.com>; Thu, 3 Nov 2022 04:56:17 +0000 (UTC)",
                "postfix/mx1 | mail.example.net [192.0.2.1] | mx1.example.com | ESMTPS | 4XyZ12 | pat@example.com \
                 | 4XyZ12 on mx1",
            ),
            (
                "exchange",
                "from A.eurprd02.prod.outlook.com (2603:10a6:20b:100::15%4) by B.prod.outlook.com (::1) with \
                 Microsoft SMTP Server (version=TLS1_2, cipher=TLS) id 15.20.5769.16 via Frontend Transport; Thu, 3 \
                 Nov 2022 04:56:16 +0000",
                "exchange-online | a.eurprd02.prod.outlook.com [2603:10a6:20b:100::15] | b.prod.outlook.com [::1] \
                 | Microsoft SMTP Server via Frontend Transport | 15.20.5769.16 | - | -",
            ),
            (
                "exim",
                "from mail.example.net ([192.0.2.7] helo=x) by h.example with esmtps (TLS1.3) (Exim 4.96) \
                 (envelope-from <a@example.net>) id 1abCDe-000123-45 for b@example.com; Thu, 3 Nov 2022 04:56:16 +0000",
                "exim/h | mail.example.net [192.0.2.7] | h.example | esmtps | 1abCDe-000123-45 | b@example.com \
                 | 1abCDe-000123-45 on h",
            ),
            (
                "qmail",
                "from unknown (HELO mail.example.net) (192.0.2.9) by mx.example.com with SMTP; 29 Apr 2010 07:55:24 \
                 -0000",
                "mx.example.com | mail.example.net [192.0.2.9] | mx.example.com | SMTP | - | - | -",
            ),
            (
                "qmail local",
                "(qmail 123 invoked by uid 89); 29 Apr 2010 07:55:24 -0000",
                "qmail | - | - | - | - | - | -",
            ),
            (
                "mimecast",
                "from mail.example.net (mail.example.net [192.0.2.3]) by relay.mimecast.com with ESMTP with STARTTLS \
                 (version=TLSv1.3) id us-mta-12-AbC-eFgHiJkLmNoPqRsT_v-1; Thu, 3 Nov 2022 04:56:16 +0000",
                "mimecast | mail.example.net [192.0.2.3] | relay.mimecast.com | ESMTP STARTTLS \
                 | us-mta-12-AbC-eFgHiJkLmNoPqRsT_v-1 | - | AbC-eFgHiJkLmNoPqRsT_v",
            ),
            (
                "amavis",
                "from mx1.example.com ([127.0.0.1]) by localhost (mx1.example.com [127.0.0.1]) (amavis, port 10024) \
                 with ESMTP id AbCdEf for <pat@example.com>; Thu, 3 Nov 2022 04:56:16 +0000",
                "amavis/mx1 | mx1.example.com [127.0.0.1] | mx1.example.com [127.0.0.1] | ESMTP | AbCdEf \
                 | pat@example.com | -",
            ),
            (
                "google",
                "by 2002:a05:6a10:1::1 with SMTP id x1csp1; Thu, 3 Nov 2022 04:56:16 -0700 (PDT)",
                "unnamed host | - | 2002:a05:6a10:1::1 | SMTP | x1csp1 | - | -",
            ),
        ] {
            let found = parse(value);
            let show = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
            let line = [
                found.speaker.id(),
                show(found.hop.from.map(|peer| peer.to_string())),
                show(found.hop.by.map(|peer| peer.to_string())),
                show(found.hop.with),
                show(found.hop.id),
                show(found.hop.envelope_recipient.map(|address| address.to_string())),
                show(found.id.map(|id| id.to_string())),
            ]
            .join(" | ");
            assert_eq!(line, expected, "{name}");
        }
    }

    #[test]
    fn no_panic_on_rubbish() {
        for value in ["", ";", "(((((", "from", "by \\", "\"", "from ((a) by [", "for <@>;;;;", "ä (ö [ü"] {
            let _ = parse(value);
        }
        let deep = "(".repeat(1_000_000);
        let _ = parse(&deep);
    }
}

//! Received fields (RFC 5321, 4.4) as Exchange, Google, Postfix, Exim, qmail, sendmail, Mimecast, Proofpoint, Cisco,
//! Barracuda, amavis, Dovecot and Cyrus write them, and any other writer that keeps to the grammar.

use evidence::{Address, AuthenticatedSender, Hop, Identifier, Peer, Product, System, Tls};

use super::services;

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

/// A word or a comment of the field, as written; a comment without its outer parentheses.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Token<'a> {
    Word(&'a str),
    Comment(&'a str),
}

/// The field cut into words and comments, and what stands after the last `;` outside both comments and quotes.
struct Tokens<'a> {
    found: Vec<Token<'a>>,
    /// Comments after the date, where some writers put what they say about encryption.
    after_date: Vec<&'a str>,
    date: Option<&'a str>,
}

fn tokens(value: &str) -> Tokens<'_> {
    let mut found = Vec::new();
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    let (mut word, mut comment): (Option<usize>, usize) = (None, 0);
    let mut date = None;
    for (at, byte) in value.bytes().enumerate() {
        if escaped {
            escaped = false;
            continue;
        }
        let ends_word = depth == 0 && !quoted && (byte.is_ascii_whitespace() || matches!(byte, b'(' | b';'));
        if ends_word && let Some(start) = word.take() {
            found.push(Token::Word(&value[start..at]));
        }
        match byte {
            // Outside of both it is a character as any other: `DOMAIN\user`.
            b'\\' if quoted || depth > 0 => escaped = true,
            b'"' if depth == 0 => {
                quoted = !quoted;
                word = word.or(Some(at));
            }
            b'(' if !quoted => {
                if depth == 0 {
                    comment = at + 1;
                }
                depth += 1;
            }
            b')' if !quoted && depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    found.push(Token::Comment(&value[comment..at]));
                }
            }
            b';' if depth == 0 && !quoted => date = Some((at + 1, found.len())),
            _ if depth == 0 && !ends_word => word = word.or(Some(at)),
            _ => {}
        }
    }
    if let Some(start) = word {
        found.push(Token::Word(&value[start..]));
    }
    let Some((at, words)) = date else {
        // A quote or comment that never closes swallows the date: then the last `;` of all is taken.
        let open = (depth > 0 || quoted).then(|| value.rfind(';')).flatten();
        return Tokens { found, after_date: Vec::new(), date: open.map(|at| value[at + 1..].trim()) };
    };
    let after_date = found.drain(words..).filter_map(|token| match token {
        Token::Comment(text) => Some(text),
        Token::Word(_) => None,
    });
    let after_date = after_date.collect();
    Tokens { found, after_date, date: Some(value[at..].trim()) }
}

/// The clauses of a Received field: each key word with the words and comments after it.
#[derive(Default)]
struct Clauses<'a> {
    from: Vec<Token<'a>>,
    by: Vec<Token<'a>>,
    with: Vec<&'a str>,
    cipher: Option<&'a str>,
    id: Option<&'a str>,
    recipient: Option<&'a str>,
    comments: Vec<&'a str>,
}

/// Words that begin a clause (RFC 5321, 4.4; `tls` is RFC 8314, 4.3).
#[derive(Clone, Copy, PartialEq)]
enum Key {
    None,
    From,
    By,
    With,
    Id,
    For,
    Tls,
}

fn key_of(word: &str) -> Option<Key> {
    const KEYS: [(&str, Key); 7] = [
        ("from", Key::From),
        ("by", Key::By),
        ("with", Key::With),
        ("via", Key::With),
        ("id", Key::Id),
        ("for", Key::For),
        ("tls", Key::Tls),
    ];
    KEYS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, key)| *key)
}

fn clauses(found: Vec<Token<'_>>) -> Clauses<'_> {
    let mut clauses = Clauses::default();
    let mut key = Key::None;
    for token in found {
        let word = match token {
            Token::Comment(text) => {
                match key {
                    Key::From => clauses.from.push(token),
                    Key::By => clauses.by.push(token),
                    _ => {}
                }
                clauses.comments.push(text);
                continue;
            }
            Token::Word(word) => word,
        };
        // `from` as the value of another key does not start a new clause: `for from@...` has an `@`.
        if let Some(found) = key_of(word) {
            if word.eq_ignore_ascii_case("via") {
                clauses.with.push(word);
            }
            key = found;
            continue;
        }
        match key {
            Key::From => clauses.from.push(token),
            Key::By => clauses.by.push(token),
            Key::With => clauses.with.push(word),
            Key::Id if clauses.id.is_none() => clauses.id = Some(word),
            Key::For if clauses.recipient.is_none() => clauses.recipient = Some(word),
            Key::Tls if clauses.cipher.is_none() => clauses.cipher = Some(word),
            _ => {}
        }
    }
    clauses
}

/// An IP address without brackets, `IPv6:` prefix, port and `%` zone; `None` if it is none.
fn ip_of(word: &str) -> Option<String> {
    // Every address has a digit or begins with colons; most words have neither.
    let word = word.trim_matches(['[', ']', ',', ';', ' ']);
    if !word.bytes().any(|byte| byte.is_ascii_digit() || byte == b':') {
        return None;
    }
    let head = word.get(..5).filter(|head| head.eq_ignore_ascii_case("ipv6:"));
    let word = head.map_or(word, |head| &word[head.len()..]);
    let word = word.split(['%', ']']).next().unwrap_or(word);
    let is_ip = |word: &&str| word.parse::<std::net::IpAddr>().is_ok();
    // `192.0.2.1:25`
    let bare = || word.rsplit_once(':').filter(|(ip, _)| ip.contains('.')).map(|(ip, _)| ip);
    Some(word).filter(is_ip).or_else(|| bare().filter(is_ip)).map(str::to_ascii_lowercase)
}

fn host_of(word: &str) -> Option<String> {
    let word = word.trim_matches(['[', ']', ',', ';', '<', '>', '"']).trim_end_matches('.');
    let is_host = !word.is_empty()
        && word.len() <= 255
        && !word.contains(['@', '=', '/', ' '])
        && !word.eq_ignore_ascii_case("unknown");
    is_host.then(|| word.to_ascii_lowercase())
}

/// A server of a `from` or `by` clause, and how it called itself where that is another name.
#[derive(Default)]
struct Side {
    peer: Option<Peer>,
    helo: Option<String>,
    /// The user in `(user@192.0.2.9)`, as qmail and identd write it.
    user: Option<String>,
}

/// The server of a clause: its name as resolved where the writer says so, else as it called itself.
fn side(clause: &[Token<'_>]) -> Side {
    let mut side = Side::default();
    let mut peer = Peer::default();
    // The name before the comments, the name in them, and whether they say that the address resolves to no name.
    let (mut first, mut resolved, mut is_unresolved) = (None, None, false);
    for token in clause {
        match token {
            Token::Word(word) => match ip_of(word) {
                Some(ip) => peer.ip = peer.ip.or(Some(ip)),
                None if word.eq_ignore_ascii_case("unknown") => is_unresolved = true,
                None => {
                    first = first.or(Some(*word));
                    peer.name = peer.name.or_else(|| host_of(word));
                }
            },
            Token::Comment(text) => {
                // What is said of encryption and certificates names no server.
                if starts_with(text, "using ") || starts_with(text, "client ") {
                    continue;
                }
                for word in text.split_whitespace() {
                    let (user, bare) = word.rsplit_once('@').map_or((None, word), |(user, host)| (Some(user), host));
                    if let Some(ip) = ip_of(bare) {
                        peer.ip = peer.ip.or(Some(ip));
                        side.user = side.user.or_else(|| user.map(str::to_owned));
                    }
                    if let Some(name) = after(word, "helo=").filter(|name| !name.is_empty()) {
                        side.helo = side.helo.or_else(|| Some(name.trim_matches(['[', ']']).to_owned()));
                    }
                }
                // `helo (rdns [ip])`: Postfix, sendmail, Google.
                if let Some((head, _)) = text.split_once('[')
                    && head.split_whitespace().count() == 1
                {
                    let head = head.trim().rsplit_once('@').map_or(head.trim(), |(_, host)| host);
                    is_unresolved |= head.eq_ignore_ascii_case("unknown");
                    resolved = resolved.or_else(|| host_of(head));
                }
                // `rdns (HELO helo) (ip)`: qmail.
                if let Some(helo) = after(text.trim(), "helo ").or_else(|| after(text.trim(), "ehlo ")) {
                    side.helo = Some(helo.trim().to_owned());
                    peer.name = peer.name.or_else(|| host_of(helo));
                }
            }
        }
    }
    let resolved = resolved.filter(|name| name.contains('.'));
    if let Some(first) = first
        && side.helo.is_none()
        && (is_unresolved || resolved.is_some())
    {
        side.helo = Some(first.trim_matches('"').trim_end_matches('.').to_owned());
    }
    let name = resolved.or(peer.name.take());
    let is_named_so = |helo: &String| !is_unresolved && name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(helo));
    side.helo = side.helo.filter(|helo| !helo.is_empty() && !is_named_so(helo));
    peer.name = name;
    side.peer = (peer.name.is_some() || peer.ip.is_some()).then_some(peer);
    side
}

/// What stands after a beginning, whatever its case.
fn after<'a>(text: &'a str, head: &str) -> Option<&'a str> {
    starts_with(text, head).then(|| &text[head.len()..])
}

fn starts_with(text: &str, head: &str) -> bool {
    text.as_bytes().get(..head.len()).is_some_and(|start| start.eq_ignore_ascii_case(head.as_bytes()))
}

/// What the field says about encryption: in a comment, after `tls`, or by the protocol's name (RFC 3848, RFC 6531).
fn tls(clauses: &Clauses<'_>, after_date: &[&str]) -> Option<Tls> {
    let cipher = clauses.cipher.map(str::to_owned);
    let said_in = |tls: Tls| Tls { cipher: tls.cipher.or_else(|| cipher.clone()), ..tls };
    if let Some(found) = clauses.comments.iter().chain(after_date).find_map(|comment| tls_of_comment(comment)) {
        return Some(said_in(found));
    }
    // `with ESMTP/TLS/ECDHE-RSA-AES256-GCM-SHA384`: Cisco.
    let slashed = clauses.with.iter().find_map(|word| {
        let (_, rest) = word.split_once('/')?;
        let (version, cipher) = rest.split_once('/').unwrap_or((rest, ""));
        let cipher = (!cipher.is_empty()).then(|| cipher.to_owned());
        let version = (version.len() > 3).then(|| version.to_owned());
        starts_with(rest, "tls").then(|| Tls { version, cipher, said: (*word).to_owned() })
    });
    let by_name = || {
        let word = clauses.with.iter().find(|word| is_encrypted_protocol(word))?;
        Some(said_in(Tls { said: (*word).to_owned(), ..Tls::default() }))
    };
    let only_cipher = || cipher.clone().map(|word| Tls { cipher: Some(word.clone()), version: None, said: word });
    slashed.or_else(by_name).or_else(only_cipher)
}

fn tls_of_comment(comment: &str) -> Option<Tls> {
    let comment = comment.trim();
    let value = |key: &str| {
        let at = find_word(comment, key)? + key.len();
        let word = comment.get(at..)?.split([' ', ',', ')', ';']).next()?;
        (!word.is_empty()).then(|| word.to_owned())
    };
    let said = || comment.to_owned();
    if let version @ Some(_) = value("version=") {
        return Some(Tls { version, cipher: value("cipher="), said: said() });
    }
    if let Some(rest) = after(comment, "using ") {
        let mut words = rest.split_whitespace();
        let version = words.next().filter(|word| starts_with(word, "tls") || starts_with(word, "ssl"))?;
        let cipher = words.skip_while(|word| !word.eq_ignore_ascii_case("cipher")).nth(1);
        let version = (version.len() > 3).then(|| version.to_owned());
        return Some(Tls { version, cipher: cipher.map(str::to_owned), said: said() });
    }
    // `TLS1.3`, `TLS1.2:ECDHE_RSA_AES_256_GCM_SHA384:256`, `TLS`: Exim, Exchange Server.
    if (starts_with(comment, "tls") || starts_with(comment, "sslv")) && !comment.contains(' ') {
        let mut parts = comment.split(':');
        let version = parts.next().filter(|version| version.len() > 3).map(str::to_owned);
        return Some(Tls { version, cipher: parts.next().map(str::to_owned), said: said() });
    }
    // `DHE-RSA-AES256-SHA encrypted`: qmail with TLS.
    if let Some(cipher) = comment.strip_suffix(" encrypted").filter(|cipher| !cipher.contains(' ')) {
        return Some(Tls { version: None, cipher: Some(cipher.to_owned()), said: said() });
    }
    comment.eq_ignore_ascii_case("google transport security").then(|| Tls { said: said(), ..Tls::default() })
}

/// Where a key begins that no letter stands before, whatever the case.
fn find_word(text: &str, key: &str) -> Option<usize> {
    let is_there = |at: &usize| {
        let before = at.checked_sub(1).map(|before| text.as_bytes()[before]);
        before.is_none_or(|byte| !byte.is_ascii_alphanumeric())
    };
    let bytes = text.as_bytes();
    let starts = (0..bytes.len().saturating_sub(key.len() - 1)).filter(is_there);
    starts.into_iter().find(|at| bytes[*at..*at + key.len()].eq_ignore_ascii_case(key.as_bytes()))
}

/// `ESMTPS`, `ESMTPSA`, `SMTPS`, `LMTPS`, `UTF8SMTPSA`, `HTTPS`; `STARTTLS` is how Mimecast says it.
fn is_encrypted_protocol(word: &str) -> bool {
    let word = word.to_ascii_uppercase();
    let base = word.strip_suffix('A').unwrap_or(&word);
    matches!(word.as_str(), "STARTTLS" | "HTTPS") || ["SMTPS", "LMTPS"].iter().any(|end| base.ends_with(end))
}

/// `ESMTPA`, `ESMTPSA`, `UTF8SMTPSA`.
fn is_authenticated_protocol(word: &str) -> bool {
    let word = word.to_ascii_uppercase();
    ["SMTPA", "SMTPSA"].iter().any(|end| word.ends_with(end))
}

/// Whether the client logged in, and as whom.
fn authenticated(clauses: &Clauses<'_>, user: Option<String>) -> Option<AuthenticatedSender> {
    const LEADS: [&str; 4] = ["authenticated sender:", "smtp.auth=", "authenticated user:", "authenticated_user="];
    let named = clauses.comments.iter().find_map(|comment| {
        let comment = comment.trim();
        let at = LEADS.iter().find_map(|lead| Some(find_word(comment, lead)? + lead.len()))?;
        let user = comment.get(at..)?.trim().split([',', ' ', ';']).next()?.trim_matches('"');
        (!user.is_empty()).then(|| AuthenticatedSender::User(user.to_owned()))
    });
    let by_protocol = || {
        let is_said = clauses.with.iter().any(|word| is_authenticated_protocol(word));
        is_said.then(|| user.map_or(AuthenticatedSender::NotNamed, AuthenticatedSender::User))
    };
    let says_so = || {
        let is_said = clauses.comments.iter().any(|comment| starts_with(comment.trim(), "authenticated bits="));
        is_said.then_some(AuthenticatedSender::NotNamed)
    };
    named.or_else(by_protocol).or_else(says_so)
}

/// The first label of a host name, as in [`Identifier::queue_id`].
pub(crate) fn label(host: &str) -> String {
    host.split('.').next().unwrap_or(host).to_ascii_lowercase()
}

/// Whether a host belongs to Exchange Online.
pub(crate) fn is_exchange_online(host: &str) -> bool {
    services::is_of(host, "Exchange Online")
}

/// Whether a host belongs to Mimecast.
pub(crate) fn is_mimecast(host: &str) -> bool {
    services::is_of(host, "Mimecast")
}

/// The system that runs a host, by the host's name alone.
pub(crate) fn system_of_host(host: &str) -> System {
    if is_exchange_online(host) {
        System::of(Product::ExchangeOnline)
    } else if is_mimecast(host) {
        System::of(Product::Mimecast)
    } else if is_proofpoint(host) {
        System::of(Product::Proofpoint)
    } else if services::is_of(host, "Google") {
        System::of(Product::GoogleWorkspace)
    } else {
        System::of(Product::Other(host.to_ascii_lowercase()))
    }
}

/// Who wrote the field, by the words that each writer uses.
fn speaker(by: &str, with: &str, comments: &[&str]) -> System {
    let says = |word: &str| comments.iter().any(|comment| comment.contains(word));
    let at = |product: Product| match by {
        "" => System::of(product),
        host => System::at(product, label(host)),
    };
    let other = |name: &str| at(Product::Other(name.to_owned()));
    if is_exchange_online(by) {
        System::of(Product::ExchangeOnline)
    } else if is_mimecast(by) {
        System::of(Product::Mimecast)
    } else if says("amavis") {
        let host = comments.iter().find_map(|comment| comment.split_whitespace().next().and_then(host_of));
        System::at(Product::Amavis, label(&host.filter(|_| by == "localhost").unwrap_or_else(|| by.to_owned())))
    } else if comments.iter().any(|c| *c == "Postfix" || c.starts_with("Postfix,") || c.starts_with("Postfix ")) {
        at(Product::Postfix)
    } else if says("Cyrus ") {
        other("Cyrus")
    } else if says("Dovecot") || (is_lmtp(with) && !by.is_empty()) {
        at(Product::Dovecot)
    } else if says("Exim") {
        at(Product::Exim)
    } else if says("qmail ") {
        other("qmail")
    } else if by.ends_with("google.com") {
        System::of(Product::GoogleWorkspace)
    } else if with.contains("Microsoft SMTP Server") || with.starts_with("mapi") {
        other("Exchange Server")
    } else if is_proofpoint(by) || says("Proofpoint") {
        System::of(Product::Proofpoint)
    } else if starts_with(with, "ESMTP/TLS") || starts_with(with, "SMTP/TLS") {
        at(Product::CiscoSecureEmail)
    } else if by.ends_with(".cudaops.com") || by.ends_with(".barracudanetworks.com") {
        System::of(Product::Other("Barracuda".to_owned()))
    } else if comments.iter().any(|c| is_sendmail_version(c)) {
        other("sendmail")
    } else {
        System::of(Product::Other(if by.is_empty() { "unnamed host".to_owned() } else { by.to_owned() }))
    }
}

/// `LMTP`, `LMTPS`; never `LMTPA`, which is Cyrus's.
/// Whether the writer of a field is a mailbox store that took the message for a mailbox.
pub(crate) fn is_store(found: &Received) -> bool {
    found.speaker.product == Product::Dovecot && found.hop.with.as_deref().is_some_and(is_lmtp)
}

fn is_lmtp(with: &str) -> bool {
    ["lmtp", "lmtps"].iter().any(|word| with.eq_ignore_ascii_case(word))
}

/// Whether a host belongs to Proofpoint's services.
fn is_proofpoint(host: &str) -> bool {
    services::is_of(host, "Proofpoint")
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
        Product::Proofpoint if !by.is_empty() => Some(Identifier::queue_id(by, None, id)),
        Product::Other(name) if name == "sendmail" && !by.is_empty() => Some(Identifier::queue_id(by, None, id)),
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

/// Whether the words after `from` name a local user or a program, never a server.
fn is_from_nobody(clauses: &Clauses<'_>) -> bool {
    let is_local = clauses.with.first().is_some_and(|word| word.eq_ignore_ascii_case("local"));
    // `from 1234567890 named unknown by gmailapi.google.com`
    let is_named = clauses.from.get(1) == Some(&Token::Word("named"));
    is_local || is_named
}

/// Reads one Received field.
pub(crate) fn parse(value: &str) -> Received {
    let Tokens { found, after_date, date } = tokens(value);
    let clauses = clauses(found);
    let by = side(&clauses.by).peer;
    let by_name = by.as_ref().and_then(|by| by.name.clone()).unwrap_or_default();
    let from = if is_from_nobody(&clauses) { Side::default() } else { side(&clauses.from) };
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
            tls: tls(&clauses, &after_date),
            authenticated_sender: authenticated(&clauses, from.user),
            from: from.peer,
            helo: from.helo,
            by,
            with: (!with.is_empty()).then_some(with),
            id,
            envelope_recipient: recipient,
        },
        speaker,
        date: date.map(str::to_owned),
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

    /// What each writer says of encryption, of the name by which the client called itself, and of a login.
    #[test]
    fn ok_statements() {
        for (name, value, expected) in [
            (
                "exchange online",
                "from A.prod.outlook.com (2603:10a6:20b:100::15%4) by B.prod.outlook.com (::1) with Microsoft SMTP Server \
                 (version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.20.5769.16 via Frontend Transport; \
                 Thu, 3 Nov 2022 04:56:16 +0000",
                "a.prod.outlook.com [2603:10a6:20b:100::15] | TLS1_2 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 | - | -",
            ),
            (
                "exchange, mapi",
                "from MBX1.client.example ([fe80::1c2:3d4]) by MBX1.client.example ([fe80::1c2:3d4%12]) with mapi id \
                 15.20.5769.016; Thu, 3 Nov 2022 04:56:16 +0000",
                "mbx1.client.example [fe80::1c2:3d4] | - | - | -",
            ),
            (
                "exchange, https",
                "from A.prod.outlook.com (2603:10a6::1) by B.prod.outlook.com with HTTPS; Thu, 3 Nov 2022 04:56:16 +0000",
                "a.prod.outlook.com [2603:10a6::1] | by HTTPS | - | -",
            ),
            (
                "exchange server",
                "from mail.example.net (192.0.2.7) by mx.client.example (198.51.100.4) with Microsoft SMTP Server (TLS) id \
                 14.3.498.0; Thu, 3 Nov 2022 04:56:16 +0000",
                "mail.example.net [192.0.2.7] | by TLS | - | -",
            ),
            (
                "shadow redundancy",
                "from A.prod.outlook.com ([::1]) by A.prod.outlook.com ([fe80::2%6]) with ShadowRedundancy id 15.20.1.1; Thu, \
                 3 Nov 2022 04:56:16 +0000",
                "a.prod.outlook.com [::1] | - | - | -",
            ),
            (
                "google",
                "from mail.example.net (mail.example.net. [192.0.2.7]) by mx.google.com with ESMTPS id \
                 a1-20020a05600c.1.2022.11.03.04.56.16 for <pat@example.com> (version=TLS1_3 cipher=TLS_AES_256_GCM_SHA384 \
                 bits=256/256); Thu, 03 Nov 2022 04:56:16 -0700 (PDT)",
                "mail.example.net [192.0.2.7] | TLS1_3 TLS_AES_256_GCM_SHA384 | - | -",
            ),
            (
                "google, its own transport",
                "from mail-sor-f41.google.com (mail-sor-f41.google.com. [192.0.2.41]) by mx.google.com with SMTPS id x1 for \
                 <pat@example.com> (Google Transport Security); Thu, 03 Nov 2022 04:56:16 -0700 (PDT)",
                "mail-sor-f41.google.com [192.0.2.41] | by Google Transport Security | - | -",
            ),
            (
                "google, programs",
                "from 123456789012 named unknown by gmailapi.google.com with HTTPREST; Thu, 3 Nov 2022 04:56:16 -0700",
                "- | - | - | -",
            ),
            (
                "postfix, another name and a login",
                "from laptop (dsl-7.isp.example [192.0.2.7]) (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) \
                 key-exchange X25519 server-signature RSA-PSS (2048 bits)) (No client certificate requested) (Authenticated \
                 sender: pat@example.com) by mail.example.com (Postfix) with ESMTPSA id 4XyZ12; Thu, 3 Nov 2022 04:56:16 +0000",
                "dsl-7.isp.example [192.0.2.7] | TLSv1.3 TLS_AES_256_GCM_SHA384 | laptop | pat@example.com",
            ),
            (
                "postfix, no name",
                "from mail.example.net (unknown [192.0.2.7]) by mx1.example.com (Postfix) with ESMTP id 4XyZ12; Thu, 3 Nov \
                 2022 04:56:16 +0000",
                "mail.example.net [192.0.2.7] | - | mail.example.net | -",
            ),
            (
                "postfix, local",
                "by mx1.example.com (Postfix, from userid 1000) id 4XyZ12; Thu, 3 Nov 2022 04:56:16 +0000 (UTC)",
                "- | - | - | -",
            ),
            (
                "postfix, a login without TLS",
                "from [10.0.0.7] (unknown [192.0.2.7]) (Authenticated sender: pat) by mail.example.com (Postfix) with ESMTPA id \
                 4XyZ12; Thu, 3 Nov 2022 04:56:16 +0000",
                "10.0.0.7 | - | - | pat",
            ),
            (
                "exim, long id",
                "from mail.example.net ([192.0.2.7] helo=front.example.net) by h.example with esmtps (TLS1.3) tls \
                 TLS_AES_256_GCM_SHA384 (Exim 4.98) (envelope-from <a@example.net>) id 1rABCD-0000000AbCd-1234 for b@example.com; \
                 Thu, 3 Nov 2022 04:56:16 +0000",
                "mail.example.net [192.0.2.7] | TLS1.3 TLS_AES_256_GCM_SHA384 | front.example.net | -",
            ),
            (
                "exim, older",
                "from [192.0.2.7] (port=41234 helo=[10.0.0.2]) by h.example with esmtpsa (TLS1.2:ECDHE_RSA_AES_256_GCM_SHA384:256) \
                 (Exim 4.89) (envelope-from <a@example.net>) id 1abCDe-000123-45; Thu, 3 Nov 2022 04:56:16 +0000",
                "192.0.2.7 | TLS1.2 ECDHE_RSA_AES_256_GCM_SHA384 | 10.0.0.2 | logged in",
            ),
            (
                "exim, local",
                "from www-data by h.example with local (Exim 4.96) (envelope-from <w@h.example>) id 1abCDe-000123-45; Thu, 3 Nov \
                 2022 04:56:16 +0000",
                "- | - | - | -",
            ),
            (
                "qmail, user and address",
                "from unknown (HELO laptop) (pat@192.0.2.9) by mx.example.com with (AES256-GCM-SHA384 encrypted) ESMTPSA; 29 Apr \
                 2010 07:55:24 -0000",
                "laptop [192.0.2.9] | - AES256-GCM-SHA384 | laptop | pat",
            ),
            (
                "qmail, resolved",
                "from dsl-9.isp.example (HELO mail.example.net) (192.0.2.9) by mx.example.com with SMTP; 29 Apr 2010 07:55:24 -0000",
                "dsl-9.isp.example [192.0.2.9] | - | mail.example.net | -",
            ),
            ("qmail, network", "(qmail 123 invoked from network); 29 Apr 2010 07:55:24 -0000", "- | - | - | -"),
            (
                "sendmail",
                "from laptop (IDENT:pat@dsl-7.isp.example [192.0.2.7] (may be forged)) (authenticated bits=0) by h.example \
                 (8.15.2/8.15.2/Debian-22) with ESMTPSA id 2A34uGxx012345 (version=TLSv1.2 cipher=ECDHE-RSA-AES256-GCM-SHA384 \
                 bits=256 verify=NOT) for <b@example.com>; Thu, 3 Nov 2022 04:56:16 GMT",
                "dsl-7.isp.example [192.0.2.7] | TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384 | laptop | logged in",
            ),
            (
                "mimecast",
                "from mail.example.net (mail.example.net [192.0.2.3]) by relay.mimecast.com with ESMTP with STARTTLS \
                 (version=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384) id us-mta-12-AbC-eFgHiJkLmNoPqRsT_v-1; Thu, 3 Nov 2022 \
                 04:56:16 +0000",
                "mail.example.net [192.0.2.3] | TLSv1.3 TLS_AES_256_GCM_SHA384 | - | -",
            ),
            (
                "proofpoint",
                "from pps.filterd (m0098410.ppops.net [127.0.0.1]) by mx0a-001b2d01.pphosted.com (8.17.1.19/8.17.1.19) with ESMTP \
                 id 3kkabc1234-1; Thu, 03 Nov 2022 04:56:16 +0000",
                "m0098410.ppops.net [127.0.0.1] | - | pps.filterd | -",
            ),
            (
                "cisco",
                "from mail.example.net ([192.0.2.7]) by esa1.client.example with ESMTP/TLS/ECDHE-RSA-AES256-GCM-SHA384; 03 Nov \
                 2022 04:56:16 +0000",
                "mail.example.net [192.0.2.7] | - ECDHE-RSA-AES256-GCM-SHA384 | - | -",
            ),
            (
                "cisco, another name",
                "from unknown (HELO mail.example.net) ([192.0.2.7]) by esa1.client.example with ESMTP/TLS/TLS_AES_256_GCM_SHA384; \
                 03 Nov 2022 04:56:16 +0000",
                "mail.example.net [192.0.2.7] | - TLS_AES_256_GCM_SHA384 | mail.example.net | -",
            ),
            (
                "dovecot",
                "from mx1.example.com ([192.0.2.1]) (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)) by \
                 imap.example.com with LMTPS id eFgHiJ (envelope-from <a@example.net>) for <b@example.com>; Thu, 03 Nov 2022 \
                 04:56:16 +0000",
                "mx1.example.com [192.0.2.1] | TLSv1.3 TLS_AES_256_GCM_SHA384 | - | -",
            ),
            (
                "barracuda",
                "from mail.example.net (mail.example.net [192.0.2.7]) by mx-inbound1-1.us-east-2a.ess.aws.cudaops.com \
                 (version=TLSv1.2 cipher=ECDHE-RSA-AES256-GCM-SHA384 bits=256 verify=NO); Thu, 03 Nov 2022 04:56:16 +0000",
                "mail.example.net [192.0.2.7] | TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384 | - | -",
            ),
            (
                "said after the date",
                "from mail.example.net (mail.example.net [192.0.2.7]) by mx.example.com (nwsmtp/Example) with ESMTPS id dcX; Wed, \
                 19 Apr 2017 12:02:57 +0300 (using TLSv1.2 with cipher ECDHE-RSA-AES128-GCM-SHA256 (128/128 bits)) (Client \
                 certificate not present)",
                "mail.example.net [192.0.2.7] | TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 | - | -",
            ),
            (
                "by the protocol alone",
                "from mail.example.net ([192.0.2.7]) by mx.example.com with UTF8SMTPSA id 1; Thu, 3 Nov 2022 04:56:16 +0000",
                "mail.example.net [192.0.2.7] | by UTF8SMTPSA | - | logged in",
            ),
            // Looks alike: a cipher in a name, a host called tls, no word of encryption.
            (
                "nothing of it",
                "from tls.example.net (tls.example.net [192.0.2.7]) by smtps.example.com with ESMTP id TLS1; Thu, 3 Nov 2022 \
                 04:56:16 +0000",
                "tls.example.net [192.0.2.7] | - | - | -",
            ),
        ] {
            let hop = parse(value).hop;
            let show = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
            let tls = hop.tls.map(|tls| match (tls.version, tls.cipher) {
                (None, None) => format!("by {}", tls.said),
                (version, None) => show(version),
                (version, cipher) => format!("{} {}", show(version), show(cipher)),
            });
            let login = hop.authenticated_sender.map(|sender| match sender {
                AuthenticatedSender::User(user) => user,
                AuthenticatedSender::NotNamed => "logged in".to_owned(),
            });
            let from = hop.from.map(|peer| peer.to_string());
            assert_eq!([show(from), show(tls), show(hop.helo), show(login)].join(" | "), expected, "{name}");
        }
    }

    /// The date is what stands after the last `;` outside comments and quotes.
    #[test]
    fn ok_dates_of_fields() {
        for (name, value, expected) in [
            (
                "usual",
                "from a by b with SMTP id 1; Thu, 3 Nov 2022 04:56:16 +0000",
                Some("Thu, 3 Nov 2022 04:56:16 +0000"),
            ),
            (
                "in a comment",
                "from a (x; y) by b (z; 1 Jan 2001 00:00:00 +0000); Thu, 3 Nov 2022 04:56:16 +0000 (a; b)",
                Some("Thu, 3 Nov 2022 04:56:16 +0000 (a; b)"),
            ),
            ("twice", "from a by b; id 7; Thu, 3 Nov 2022 04:56:16 +0000", Some("Thu, 3 Nov 2022 04:56:16 +0000")),
            (
                "quoted",
                "from a by b for \"x;y\"@c; Thu, 3 Nov 2022 04:56:16 +0000",
                Some("Thu, 3 Nov 2022 04:56:16 +0000"),
            ),
            (
                "a comment left open",
                "from a (b by c; Thu, 3 Nov 2022 04:56:16 +0000",
                Some("Thu, 3 Nov 2022 04:56:16 +0000"),
            ),
            ("none", "from a by b with SMTP id 1", None),
        ] {
            assert_eq!(parse(value).date.as_deref(), expected, "{name}");
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

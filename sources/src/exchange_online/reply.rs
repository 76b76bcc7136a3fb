//! What servers answered, out of the sentences in which Exchange Online wraps it.

use evidence::{Peer, Reply};

/// The last error of a copy: `[{LED=...};{MSG=...};{FQDN=...};{IP=...};{LRT=...}]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LastError {
    /// The answer in full, or the whole sentence if it has no such parts.
    pub(crate) text: String,
    /// The server that was talked to, or should have been.
    pub(crate) peer: Option<Peer>,
}

/// Reads reply code and enhanced status code (RFC 5321, 4.2; RFC 3463, 2) off the start of an answer.
pub(crate) fn reply(text: &str) -> Reply {
    let text = text.trim();
    let (reply_code, rest) = match text.get(..3).and_then(|code| code.parse::<u16>().ok()) {
        Some(code) if (200..600).contains(&code) && !text[3..].starts_with(|c: char| c.is_ascii_digit()) => {
            (Some(code), text[3..].trim_start_matches([' ', '-', '/']))
        }
        _ => (None, text),
    };
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
    let code = rest[..end].trim_end_matches('.');
    let enhanced_status_code = is_enhanced(code).then(|| code.to_owned());
    Reply { reply_code, enhanced_status_code, text: text.to_owned() }
}

fn is_enhanced(code: &str) -> bool {
    let mut parts = code.split('.');
    let class = matches!(parts.next(), Some("2" | "4" | "5"));
    let is_number = |part: Option<&str>| part.is_some_and(|part| (1..=3).contains(&part.len()));
    class && is_number(parts.next()) && is_number(parts.next()) && parts.next().is_none()
}

/// Reads the last error out of a sentence; a long one may be cut.
pub(crate) fn last_error(sentence: &str) -> LastError {
    let part = |key| braced(sentence, key).filter(|text| !text.is_empty());
    let text = part("LED").or_else(|| part("MSG")).unwrap_or_else(|| sentence.trim());
    let name = part("FQDN").or_else(|| bracketed(sentence, "LastAttemptedServerName"));
    let ip = part("IP").or_else(|| bracketed(sentence, "LastAttemptedIP"));
    LastError { text: text.to_owned(), peer: peer(name, ip) }
}

/// The text of `{KEY=text}`, up to the next part or the end of a cut sentence.
fn braced<'t>(sentence: &'t str, key: &str) -> Option<&'t str> {
    let opening = format!("{{{key}=");
    let start = sentence.find(&opening)? + opening.len();
    let rest = &sentence[start..];
    let end = ["};{", "}]", "}. ", "}"].iter().find_map(|closing| rest.find(closing)).unwrap_or(rest.len());
    Some(rest[..end].trim())
}

/// The text of `[Key=text]`.
fn bracketed<'t>(sentence: &'t str, key: &str) -> Option<&'t str> {
    let opening = format!("[{key}=");
    let start = sentence.find(&opening)? + opening.len();
    let rest = &sentence[start..];
    // `[LastAttemptedIP=[2001:db8::1]:25]` nests one pair.
    let end = match rest.strip_prefix('[').and_then(|inner| inner.find(']')) {
        Some(inner) => inner + 2 + rest[inner + 2..].find(']')?,
        None => rest.find(']').unwrap_or(rest.len()),
    };
    Some(rest[..end].trim()).filter(|text| !text.is_empty())
}

/// A server by its name and its address with or without a port, if either is there.
pub(crate) fn peer(name: Option<&str>, address: Option<&str>) -> Option<Peer> {
    let name = name.map(|name| name.trim().trim_end_matches('.').to_lowercase()).filter(|name| !name.is_empty());
    let address = address.map(str::trim).filter(|address| !address.is_empty());
    let (ip, port) = match address {
        None => (None, None),
        Some(address) => {
            let (ip, port) = ip_and_port(address);
            (Some(ip.to_owned()), port)
        }
    };
    (name.is_some() || ip.is_some()).then_some(Peer { name, ip, port })
}

fn ip_and_port(address: &str) -> (&str, Option<u16>) {
    if let Some((ip, rest)) = address.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        return (ip, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match address.rsplit_once(':') {
        Some((ip, port)) if !ip.contains(':') => (ip, port.parse().ok()),
        _ => (address, None),
    }
}

/// Whether a server belongs to the inside of Exchange Online, so that its word is not the next hop's.
pub(crate) fn is_inside(peer: &Peer) -> bool {
    peer.name.as_deref().is_some_and(|name| {
        (name.ends_with(".prod.outlook.com") || name.ends_with(".exchangelabs.com"))
            && !name.ends_with(".protection.outlook.com")
    })
}

/// Whether the local system made the answer up because it got none: no connection, time-out, DNS, TLS.
pub(crate) fn is_made_up_locally(reply: &Reply) -> bool {
    let code = reply.enhanced_status_code.as_deref().unwrap_or("");
    let text = reply.text.to_ascii_lowercase();
    let local_code = code.starts_with("4.4.3")
        || code.starts_with("5.4.3")
        || matches!(code, "4.4.1" | "4.4.2" | "4.4.7" | "4.7.321" | "4.7.322" | "4.7.323" | "4.7.324" | "4.7.325");
    local_code || text.contains("socket error") || text.contains("socketerror") || text.contains("cannot connect")
}

/// Whether Exchange Online's own agents wrote the answer (resolver, transport rules, queue).
pub(crate) fn is_of_own_agent(text: &str) -> bool {
    ["RESOLVER.", "TRANSPORT.RULES.", "ROUTING.", "QUEUE.", "STOREDRV.", "SMTPSEND."]
        .iter()
        .any(|agent| text.contains(agent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_replies() {
        for (name, text, code, enhanced) in [
            ("both", "550 5.7.1 refused", Some(550), Some("5.7.1")),
            ("slash", "451/4.4.316 later", Some(451), Some("4.4.316")),
            ("dash", "550-5.1.10 x", Some(550), Some("5.1.10")),
            ("enhanced only", "5.7.1 x", None, Some("5.7.1")),
            ("neither", "refused", None, None),
            ("four digits", "5501 x", None, None),
            ("no class 3", "354 3.0.0", Some(354), None),
            ("not ASCII", "€€ 5.7.1", None, None),
        ] {
            let found = reply(text);
            assert_eq!((found.reply_code, found.enhanced_status_code.as_deref()), (code, enhanced), "{name}");
        }
    }

    #[test]
    fn ok_last_errors() {
        for (name, sentence, text, shown) in [
            (
                "all parts",
                "Reason: [{LED=550 5.1.1 no};{MSG=x};{FQDN=MX.example.net};{IP=192.0.2.1};{LRT=}]",
                "550 5.1.1 no",
                "mx.example.net [192.0.2.1]",
            ),
            ("empty parts", "Reason: [{LED=550 5.7.1 no};{MSG=};{FQDN=};{IP=};{LRT=}]", "550 5.7.1 no", ""),
            (
                "last attempted",
                "[{LED=450 4.4.317 x [LastAttemptedServerName=mx.example.net] [LastAttemptedIP=[2001:db8::1]:25]};{MSG=}]",
                "450 4.4.317 x [LastAttemptedServerName=mx.example.net] [LastAttemptedIP=[2001:db8::1]:25]",
                "mx.example.net [2001:db8::1]",
            ),
            ("cut", "Reason: [{LED=451 4.4.0 and then", "451 4.4.0 and then", ""),
            ("plain", "250 2.1.5 fine", "250 2.1.5 fine", ""),
        ] {
            let found = last_error(sentence);
            assert_eq!(found.text, text, "{name}");
            assert_eq!(found.peer.map(|peer| peer.to_string()).unwrap_or_default(), shown, "{name}");
        }
    }
}

//! Rewritten links: the services whose new address tells the first one, and those that only can be named.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::changes::{Hint, LinkService};

/// Longest link that is read.
const MAX_LINK_BYTES: usize = 8192;

/// Most links that are looked at.
const MAX_LINKS: usize = 5_000;

/// Hosts that rewrite links, and no more can be said: their addresses do not tell the first one.
const REWRITERS: &[&str] = &[
    ".safelinks.protection.outlook.com/",
    "urldefense.com/",
    "urldefense.proofpoint.com/",
    ".mimecast.com/s/",
    ".mimecastprotect.com/s/",
    "linkprotect.cudasvc.com/",
    "secure-web.cisco.com/",
    "clicktime.symantec.com/",
    "url.avanan.click/",
    ".protection.sophos.com/",
    "scanmail.trustwave.com/",
];

/// How an address was written where it stood.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ampersands {
    /// As in the rewritten link: `&amp;` if it is in HTML.
    AsAround,
    /// Never escaped.
    Bare,
}

/// A text with its links as they were.
pub(super) struct Restored {
    pub text: Vec<u8>,
    pub links: usize,
    pub first: String,
}

/// Puts the first addresses back in place of the links of one service; `None` if there are none.
pub(super) fn restored(text: &[u8], service: LinkService, ampersands: Ampersands) -> Option<Restored> {
    memchr::memmem::find(text, host_of(service))?;
    let mut out = Vec::with_capacity(text.len());
    let (mut links, mut first) = (0, String::new());
    let mut at = 0;
    for start in memchr::memmem::find_iter(text, b"https://").take(MAX_LINKS) {
        if start < at {
            continue;
        }
        let stop = text[start..].iter().take(MAX_LINK_BYTES).position(|byte| ends_link(*byte));
        let end = start + stop.unwrap_or((text.len() - start).min(MAX_LINK_BYTES));
        let Some((address, length)) = first_address(&text[start..end], service, ampersands) else { continue };
        out.extend_from_slice(&text[at..start]);
        out.extend_from_slice(&address);
        at = start + length;
        if service == LinkService::SafeLinks {
            at = after_attributes(text, at);
        }
        links += 1;
        if links == 1 {
            first = super::changes::shown(&address);
        }
    }
    out.extend_from_slice(&text[at..]);
    (links > 0).then_some(Restored { text: out, links, first })
}

/// What each link of a service holds.
fn host_of(service: LinkService) -> &'static [u8] {
    match service {
        LinkService::SafeLinks => b".safelinks.protection.outlook.com/",
        LinkService::UrlDefense2 => b"https://urldefense.proofpoint.com/v2/",
        LinkService::UrlDefense3 => b"https://urldefense.com/v3/",
    }
}

fn ends_link(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\'' | b'<' | b'>' | b')' | b']')
}

/// The address that a link was made of, and how much of the text was the link.
fn first_address(link: &[u8], service: LinkService, ampersands: Ampersands) -> Option<(Vec<u8>, usize)> {
    let host = b"https://".len();
    match service {
        LinkService::SafeLinks => {
            let query = memchr::memmem::find(link, host_of(service))?;
            let value = memchr::memmem::find(&link[query..], b"url=").map(|found| query + found + 4)?;
            if link[host..query].iter().any(|byte| matches!(byte, b'/' | b'?')) {
                return None;
            }
            let end = memchr::memchr(b'&', &link[value..]).map_or(link.len(), |found| value + found);
            let address = percent_decoded(&link[value..end]);
            let in_html = memchr::memmem::find(link, b"&amp;").is_some();
            Some((written(address, in_html, ampersands), link.len()))
        }
        LinkService::UrlDefense2 => {
            let rest = link.strip_prefix(b"https://urldefense.proofpoint.com/v2/url?u=")?;
            let end = memchr::memchr(b'&', rest).unwrap_or(rest.len());
            let marked: Vec<u8> = rest[..end]
                .iter()
                .map(|byte| match byte {
                    b'-' => b'%',
                    b'_' => b'/',
                    byte => *byte,
                })
                .collect();
            let in_html = memchr::memmem::find(link, b"&amp;").is_some();
            Some((written(percent_decoded(&marked), in_html, ampersands), link.len()))
        }
        LinkService::UrlDefense3 => {
            let rest = link.strip_prefix(b"https://urldefense.com/v3/__")?;
            let end = memchr::memmem::find(rest, b"__;")?;
            let after = &rest[end + 3..];
            let mark = memchr::memmem::find(after, b"!!")?;
            let close = memchr::memchr(b'$', after).map_or(after.len(), |found| found + 1);
            let replaced = URL_SAFE_NO_PAD.decode(&after[..mark]).ok()?;
            let address = version_3(&rest[..end], &replaced)?;
            Some((address, link.len() - after.len() + close))
        }
    }
}

fn written(address: Vec<u8>, in_html: bool, ampersands: Ampersands) -> Vec<u8> {
    if !in_html || ampersands == Ampersands::Bare || memchr::memchr(b'&', &address).is_none() {
        return address;
    }
    String::from_utf8_lossy(&address).replace('&', "&amp;").into_bytes()
}

/// Puts the replaced characters back: `*` stands for one, `**X` for as many as X says.
fn version_3(address: &[u8], replaced: &[u8]) -> Option<Vec<u8>> {
    const COUNTS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut left = replaced;
    let mut out = Vec::with_capacity(address.len() + replaced.len());
    let mut at = 0;
    while at < address.len() {
        if address[at] != b'*' {
            out.push(address[at]);
            at += 1;
            continue;
        }
        let run = match address.get(at + 1) {
            Some(b'*') => COUNTS.iter().position(|count| Some(count) == address.get(at + 2)).map(|count| count + 2),
            _ => None,
        };
        let count = run.unwrap_or(1);
        at += if run.is_some() { 3 } else { 1 };
        out.extend_from_slice(left.get(..count)?);
        left = &left[count..];
    }
    Some(out)
}

/// Where the text goes on behind the attributes that Safe Links adds to an anchor: ` originalsrc="..." shash="..."`.
fn after_attributes(text: &[u8], at: usize) -> usize {
    let mut end = at;
    for name in [b" originalsrc=\"".as_slice(), b" shash=\""] {
        let quote = usize::from(text.get(end) == Some(&b'"') && end == at);
        let Some(rest) = text[end + quote..].strip_prefix(name) else { continue };
        let Some(close) = memchr::memchr(b'"', &rest[..rest.len().min(MAX_LINK_BYTES)]) else { continue };
        end = text.len() - rest.len() + close + 1;
    }
    // The closing quote of the address itself was skipped with the first attribute; the last one takes its place.
    if end == at { at } else { end - 1 }
}

fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let hex = |place: usize| text.get(place).and_then(|byte| char::from(*byte).to_digit(16));
        match (text[at], hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, _, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

/// Names the hosts to which rewritten links lead.
pub(super) fn hints(text: &[u8]) -> Vec<Hint> {
    let seen = REWRITERS.iter().filter_map(|host| {
        let links = memchr::memmem::find_iter(text, host.as_bytes()).count();
        (links > 0).then(|| Hint::RewrittenLinks {
            host: host.trim_matches(['.', '/']).trim_end_matches("/s").to_owned(),
            links,
        })
    });
    seen.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_restored() {
        for (name, service, text, expected) in [
            (
                "Safe Links in text",
                LinkService::SafeLinks,
                "see https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fwww.example.com%2Fa%3Fb%3D1%26c%3D2&data=05%7C02&sdata=x%3D&reserved=0 now",
                "see https://www.example.com/a?b=1&c=2 now",
            ),
            (
                "Safe Links in HTML",
                LinkService::SafeLinks,
                r#"<a href="https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fexample.com%2F%3Fb%3D1%26c%3D2&amp;data=05&amp;reserved=0" originalsrc="https://example.com/?b=1&amp;c=2" shash="abc=" class="x">"#,
                r#"<a href="https://example.com/?b=1&amp;c=2" class="x">"#,
            ),
            (
                "URL Defense 2",
                LinkService::UrlDefense2,
                "https://urldefense.proofpoint.com/v2/url?u=https-3A__www.example.com_a-2Db-3Fc-3D1&d=DwMF&c=x&r=y&m=z&s=s&e=",
                "https://www.example.com/a-b?c=1",
            ),
            (
                "URL Defense 3",
                LinkService::UrlDefense3,
                "(https://urldefense.com/v3/__https://www.example.com/a?b=1*c__;Iw!!ABC!def$ ) next",
                "(https://www.example.com/a?b=1#c ) next",
            ),
            (
                "URL Defense 3, a run",
                LinkService::UrlDefense3,
                "https://urldefense.com/v3/__https://example.com/**A__;w6Q!!ABC!d$",
                "https://example.com/\u{e4}",
            ),
        ] {
            let found = restored(text.as_bytes(), service, Ampersands::AsAround).map(|restored| restored.text);
            assert_eq!(String::from_utf8_lossy(&found.unwrap_or_default()), expected, "{name}");
        }
        for (name, text) in [
            (
                "another host in the path",
                "https://example.com/x.safelinks.protection.outlook.com/?url=https%3A%2F%2Fa.example",
            ),
            ("no address", "https://eur01.safelinks.protection.outlook.com/other"),
            ("plain", "https://example.com/?url=x"),
        ] {
            for service in [LinkService::SafeLinks, LinkService::UrlDefense2, LinkService::UrlDefense3] {
                assert!(restored(text.as_bytes(), service, Ampersands::AsAround).is_none(), "{name}");
            }
        }
    }
}

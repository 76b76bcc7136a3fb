//! Bounces as people read them: who is named, and with which words the message was refused.

use evidence::{Address, Cite, DsnAction, FileName, Peer, Reply};

use super::status;
use crate::message::boundary::{self, Part};
use crate::message::fields::{self, Header};
use crate::message::sheet::{Sheet, text_of};

/// Most lines of a text that are looked at.
pub(crate) const MAX_LINES: usize = 4_000;
/// Most recipients that are taken from a text.
const MAX_TOLD: usize = 200;

/// One line of the human part.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Its text, decoded, without its end.
    pub(crate) text: String,
    /// Where it starts and ends in the sheet; `None` if the part is encoded.
    pub(crate) place: Option<(usize, usize)>,
}

/// What the text says of one recipient.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// The recipient; `None` if the text names none.
    pub(crate) recipient: Option<Address>,
    /// Failed, or still trying.
    pub(crate) action: DsnAction,
    /// The words of the refusal.
    pub(crate) reply: Reply,
    /// Who refused, where the text names it.
    pub(crate) remote: Option<Peer>,
    /// The lines that say it.
    pub(crate) cite: Cite,
}

/// The lines of a text part.
pub(crate) fn lines(sheet: &Sheet<'_>, _file: &FileName, part: &Part) -> Vec<Line> {
    let html = part.content_type == "text/html";
    if part.encoded || html {
        let text = String::from_utf8_lossy(&part.decoded);
        let text = if html { boundary::html_text(&text) } else { text.into_owned() };
        return text.lines().take(MAX_LINES).map(|line| Line { text: line.to_owned(), place: None }).collect();
    }
    let bytes = sheet.bytes();
    let end = part.body.end.min(bytes.len());
    let mut found = Vec::new();
    let mut at = part.body.start;
    while at < end && found.len() < MAX_LINES {
        let stop = memchr::memchr(b'\n', &bytes[at..end]).map_or(end, |found| at + found);
        let trimmed = if stop > at && bytes[stop - 1] == b'\r' { stop - 1 } else { stop };
        found.push(Line { text: text_of(&bytes[at..trimmed]), place: Some((at, trimmed)) });
        at = stop + 1;
    }
    found
}

/// A cite of a whole part, for parts that are encoded.
pub(crate) fn part_cite(sheet: &Sheet<'_>, file: &FileName, part: &Part) -> Cite {
    let end = part.body.end.min(sheet.bytes().len());
    let start = part.body.start.min(end);
    sheet.cite(file, start..end, sheet.line_of(start))
}

/// A cite of the lines `from` to `to`, or of the part if its lines have no place of their own.
pub(crate) fn cite(sheet: &Sheet<'_>, file: &FileName, part: &Part, from: &Line, to: &Line) -> Cite {
    match (from.place, to.place) {
        (Some((start, _)), Some((_, end))) => sheet.cite(file, start..end.max(start), sheet.line_of(start)),
        _ => part_cite(sheet, file, part),
    }
}

/// The host after `Generating server:`, also in the languages that Exchange writes it in.
pub(crate) fn generating_server(lines: &[Line]) -> Option<String> {
    const LEADS: &[&str] =
        &["generating server:", "generierender server:", "serveur de génération", "servidor de generación:"];
    lines.iter().find_map(|line| {
        let text = line.text.trim().to_lowercase();
        let lead = LEADS.iter().find(|lead| text.starts_with(**lead))?;
        let host = text[lead.len()..].trim_matches([' ', ':', '\u{a0}']).split_whitespace().next()?.to_owned();
        host.contains('.').then_some(host)
    })
}

/// Where returned header fields start: a telling field with two more right after it.
pub(crate) fn header_run(lines: &[Line]) -> Option<usize> {
    let named = |line: &Line| {
        let (name, _) = line.text.split_once(':')?;
        let sound = !name.is_empty() && name.bytes().all(|b| (33..=126).contains(&b));
        sound.then(|| name.to_ascii_lowercase())
    };
    let starts = |at: &usize| {
        let first = named(&lines[*at]).is_some_and(|name| fields::is_telling(&name));
        let mut telling = 0;
        let mut traced = false;
        for line in lines[*at..].iter().take(40).take_while(|line| !line.text.trim().is_empty()) {
            if let Some(name) = named(line).filter(|name| fields::is_telling(name)) {
                telling += 1;
                traced |= matches!(name.as_str(), "received" | "message-id" | "return-path" | "from");
            }
        }
        first && traced && telling >= 3
    };
    (0..lines.len()).find(starts)
}

/// Every address of a line, without what surrounds it.
fn addresses_in(text: &str) -> Vec<Address> {
    text.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '(' | ')' | '"' | '\'' | ',' | ';' | '[' | ']'))
        .filter_map(|word| {
            let word = word.trim_start_matches("mailto:").trim_matches(['.', ':', '*']);
            let (local, domain) = word.rsplit_once('@')?;
            let sound = !local.is_empty() && domain.contains('.') && domain.len() > 3 && !domain.contains(['/', '=']);
            sound.then(|| Address::new(word))
        })
        .take(20)
        .collect()
}

/// Whether a line carries a refusal.
fn is_reply(text: &str) -> bool {
    let found = status::reply(text);
    found.enhanced_status_code.as_deref().is_some_and(|code| !code.starts_with('2'))
        || found.reply_code.is_some_and(|code| code >= 400 && !text.trim().chars().all(|c| c.is_ascii_digit()))
}

/// Finds the recipients and, for each, the refusal nearest after it.
pub(crate) fn told(
    lines: &[Line],
    notice: &Header,
    original: &Header,
    cite: &dyn Fn(&Line, &Line) -> Cite,
) -> Vec<Told> {
    let not_recipients = strangers(notice, original);
    let mut named: Vec<(Address, usize)> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        for address in addresses_in(&line.text) {
            if named.len() < MAX_TOLD
                && !not_recipients.contains(&address)
                && !named.iter().any(|(known, _)| *known == address)
            {
                named.push((address, at));
            }
        }
    }
    let failed: Vec<Address> = notice
        .fields
        .iter()
        .filter(|field| field.is("x-failed-recipients"))
        .flat_map(|field| addresses_in(&field.value))
        .take(MAX_TOLD)
        .collect();
    if !failed.is_empty() {
        let at = |address: &Address| named.iter().find(|(known, _)| known == address).map_or(0, |(_, at)| *at);
        named = failed
            .into_iter()
            .map(|address| {
                let at = at(&address);
                (address, at)
            })
            .collect();
    }
    let replies: Vec<usize> = (0..lines.len()).filter(|at| is_reply(&lines[*at].text)).collect();
    let action = action(lines, notice);
    let one = |recipient: Option<Address>, at: usize| {
        let reply_at = replies.iter().copied().find(|reply| *reply >= at).or(replies.first().copied());
        let from = reply_at.unwrap_or(at);
        let to = paragraph_end(lines, from, reply_at.is_some());
        let text = lines[from..=to].iter().map(|line| line.text.trim()).collect::<Vec<_>>().join(" ");
        let remote = remote(lines, from, at);
        Told { recipient, action, reply: status::reply(&text), remote, cite: cite(&lines[from], &lines[to]) }
    };
    if lines.is_empty() {
        return Vec::new();
    }
    if named.is_empty() {
        return replies.first().map(|at| one(None, *at)).into_iter().collect();
    }
    named.into_iter().map(|(address, at)| one(Some(address), at)).collect()
}

/// Addresses in a text that are not the recipients spoken of: the person who gets the notice, and mail systems.
fn strangers(notice: &Header, original: &Header) -> Vec<Address> {
    let mut found = Vec::new();
    for (header, names) in
        [(notice, &["to", "from", "return-path", "delivered-to"][..]), (original, &["from", "return-path"])]
    {
        for field in header.fields.iter().filter(|field| names.iter().any(|name| field.is(name))) {
            found.extend(boundary::addresses(&field.value));
        }
    }
    found.truncate(64);
    found
}

/// The last line of the sentence that starts at `from`: up to a blank line, at most four lines on.
fn paragraph_end(lines: &[Line], from: usize, is_reply_line: bool) -> usize {
    let mut to = from;
    while to + 1 < lines.len() && to - from < 4 {
        let next = lines[to + 1].text.trim();
        let ends = next.is_empty()
            || lines[to].text.trim_end().ends_with("##")
            || (is_reply_line && (is_reply(next) || !addresses_in(next).is_empty()));
        if ends {
            break;
        }
        to += 1;
    }
    to
}

/// Who refused: `host mx.example.net [192.0.2.1]`, `while talking to mx.example.net.:`, `Server at mx.example.net`,
/// `mx.example.net #<...`, looked for in the refusal and the lines just before it.
fn remote(lines: &[Line], reply: usize, recipient: usize) -> Option<Peer> {
    const LEADS: &[&str] = &[
        "host ",
        "talking to ",
        "server at ",
        "connected to ",
        "remote server ",
        "by the server for the recipient domain ",
    ];
    let from = recipient.min(reply).max(reply.saturating_sub(4));
    lines[from..=reply].iter().rev().find_map(|line| {
        let lower = line.text.to_lowercase();
        let after = LEADS.iter().find_map(|lead| lower.find(lead).map(|at| &lower[at + lead.len()..]));
        let text = after.or_else(|| lower.split_once(" #<").map(|(host, _)| host))?;
        let mut peer = Peer::default();
        let words = text.split(|c: char| c.is_whitespace() || matches!(c, '[' | ']' | '(' | ')' | ':' | ','));
        for word in words.filter(|word| !word.is_empty()).take(3) {
            let word = word.trim_end_matches('.');
            if word.parse::<std::net::IpAddr>().is_ok() {
                peer.ip = peer.ip.or(Some(word.to_owned()));
            } else if peer.name.is_none()
                && word.contains('.')
                && word.bytes().any(|b| b.is_ascii_alphabetic())
                && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
            {
                peer.name = Some(word.to_owned());
            }
        }
        (peer.name.is_some() || peer.ip.is_some()).then_some(peer)
    })
}

/// Still trying, if subject or text say so and nothing says that it was given up.
fn action(lines: &[Line], notice: &Header) -> DsnAction {
    const LATE: &[&str] = &[
        "delayed",
        "will retry",
        "will be retried",
        "will keep trying",
        "still being retried",
        "warning: could not send",
        "will continue to try",
        "not yet been delivered",
    ];
    const OVER: &[&str] = &[
        "permanent",
        "failed",
        "undeliverable",
        "gave up",
        "giving up",
        "given up",
        "returned",
        "could not be delivered",
    ];
    let subject = notice.first("subject").map(|field| boundary::words(&field.value).to_lowercase()).unwrap_or_default();
    let text: String = lines.iter().take(60).map(|line| line.text.to_lowercase()).collect::<Vec<_>>().join("\n");
    let says = |words: &[&str], text: &str| words.iter().any(|word| text.contains(word));
    let late = says(LATE, &subject) || (says(LATE, &text) && !says(OVER, &text));
    if late && !says(OVER, &subject) { DsnAction::Delayed } else { DsnAction::Failed }
}

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
        found.push(Line { text: unquoted(&text_of(&bytes[at..trimmed])).to_owned(), place: Some((at, trimmed)) });
        at = stop + 1;
    }
    found
}

/// A line without the marks of a mail program that quotes.
fn unquoted(text: &str) -> &str {
    let mut rest = text;
    while let Some(tail) = rest.strip_prefix('>').filter(|tail| tail.is_empty() || tail.starts_with([' ', '>'])) {
        rest = tail.strip_prefix(' ').unwrap_or(tail);
    }
    rest
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

/// The host after `Generating server:`, also in the languages that Exchange writes it in, or after the words with which
/// Postfix and qmail name themselves.
pub(crate) fn generating_server(lines: &[Line]) -> Option<String> {
    const LEADS: &[&str] = &[
        "generating server:",
        "generierender server:",
        "serveur de génération",
        "servidor de generación:",
        "servidor de geração:",
        "server di generazione:",
        "genererende server:",
        "this is the mail system at host ",
        "this is the qmail-send program at ",
        "hi. this is the qmail-send program at ",
    ];
    lines.iter().find_map(|line| {
        let text = line.text.trim().to_lowercase();
        let lead = LEADS.iter().find(|lead| text.starts_with(**lead))?;
        let host = text[lead.len()..].trim_matches([' ', ':', '\u{a0}']).split_whitespace().next()?;
        let host = host.trim_end_matches('.').to_owned();
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
        // A header that a mail system wrote is the notice's own, pasted with its text.
        let by_system = |line: &Line| {
            let lower = line.text.to_lowercase();
            lower.starts_with("from:")
                && ["mailer-daemon", "postmaster@", "microsoftexchange"].iter().any(|name| lower.contains(name))
        };
        if lines[*at..].iter().take(10).take_while(|line| !line.text.trim().is_empty()).any(by_system) {
            return false;
        }
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

/// Whether a line of a text carries a refusal: a code, as a server's answer has it.
pub(crate) fn has_reply(text: &str) -> bool {
    text.lines().any(is_reply)
}

/// Finds the recipients and, for each, the refusal that is its own.
///
/// A notice names a recipient once or several times (in a list at its head, then beside the refusal). What follows a mention
/// up to that of another recipient is about this one; addresses that stand under each other share what follows the last of
/// them. A recipient beside whom no code stands keeps the words beside it, never the refusal of another.
pub(crate) fn told(
    lines: &[Line],
    notice: &Header,
    original: &Header,
    cite: &dyn Fn(&Line, &Line) -> Cite,
) -> Vec<Told> {
    let mentions = mentions(lines, notice, original);
    let stated = action(lines, notice);
    // A text that does not say what is to come: a refusal for now is tried again.
    let action_of =
        |reply: &Reply| stated.unwrap_or(if is_for_now(reply) { DsnAction::Delayed } else { DsnAction::Failed });
    let replies: Vec<usize> = (0..lines.len()).filter(|at| is_reply(&lines[*at].text)).collect();
    let one = |recipient: Option<Address>, mention: usize, from: usize| {
        let to = paragraph_end(lines, from, recipient.as_ref());
        let text = lines[from..=to].iter().map(|line| line.text.trim()).collect::<Vec<_>>().join(" ");
        let remote = remote(lines, mention, from, to);
        let reply = status::reply(&text);
        Told { recipient, action: action_of(&reply), reply, remote, cite: cite(&lines[from], &lines[to]) }
    };
    if mentions.is_empty() {
        return replies.first().map(|at| one(None, at.saturating_sub(4), *at)).into_iter().collect();
    }
    let mut recipients: Vec<&Address> = Vec::new();
    for (address, _) in &mentions {
        if !recipients.contains(&address) {
            recipients.push(address);
        }
    }
    let blocks: Vec<(&Address, Block)> =
        mentions.iter().map(|(address, at)| (address, Block::at(lines, &mentions, address, *at))).collect();
    let of = |recipient: &Address| {
        let own = || blocks.iter().filter(move |(address, _)| *address == recipient).map(|(_, block)| block);
        let reply = |block: &Block, until: usize| {
            replies.iter().copied().find(|at| (block.mention..until).contains(at)).map(|at| (block.from, at))
        };
        let near = own().find_map(|block| reply(block, block.near));
        near.or_else(|| own().find_map(|block| reply(block, block.until)))
    };
    let found: Vec<(&Address, Option<(usize, usize)>)> = recipients.iter().map(|one| (*one, of(one))).collect();
    // One refusal before all recipients, or in a text that gives none of them its own, is for all of them.
    let shared = replies.first().copied().filter(|_| found.iter().all(|(_, own)| own.is_none()));
    found
        .into_iter()
        .filter_map(|(address, own)| match (own, shared) {
            (Some((mention, at)), _) => Some(one(Some(address.clone()), mention, at)),
            (None, Some(at)) => Some(one(Some(address.clone()), at.saturating_sub(4), at)),
            (None, None) => {
                let own = blocks.iter().filter(|(known, _)| *known == address).map(|(_, block)| block);
                let block = own.clone().find(|block| block.has_words).or_else(|| own.clone().next())?;
                Some(one(Some(address.clone()), block.mention, block.words_at))
            }
        })
        .collect()
}

/// Where each recipient is named, in the order of the text; one place a line.
fn mentions(lines: &[Line], notice: &Header, original: &Header) -> Vec<(Address, usize)> {
    let not_recipients = strangers(notice, original);
    let failed: Vec<Address> = notice
        .fields
        .iter()
        .filter(|field| field.is("x-failed-recipients"))
        .flat_map(|field| addresses_in(&field.value))
        .take(MAX_TOLD)
        .collect();
    let is_meant = |address: &Address| match failed.is_empty() {
        true => !not_recipients.contains(address),
        false => failed.contains(address),
    };
    let mut found: Vec<(Address, usize)> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        for address in addresses_in(&line.text).into_iter().filter(is_meant) {
            if found.len() < 4 * MAX_TOLD && !found.contains(&(address.clone(), at)) {
                found.push((address, at));
            }
        }
    }
    // Each of these goes only where somebody is left.
    if failed.is_empty() {
        let beside = |at: usize| !is_field_of_a_notice(&lines[at].text);
        if found.iter().any(|(_, at)| beside(*at)) {
            found.retain(|(_, at)| beside(*at));
        }
        if found.iter().any(|(address, _)| !is_of_a_system(address)) {
            found.retain(|(address, _)| !is_of_a_system(address));
        }
    }
    // Those of whom only the header says that they failed.
    if !lines.is_empty() {
        let unnamed: Vec<Address> =
            failed.into_iter().filter(|address| !found.iter().any(|(known, _)| known == address)).collect();
        found.extend(unnamed.into_iter().map(|address| (address, 0)));
    }
    let mut distinct: Vec<&Address> = Vec::new();
    let mut keep = Vec::with_capacity(found.len());
    for (address, _) in &found {
        let known = distinct.contains(&address);
        if !known && distinct.len() < MAX_TOLD {
            distinct.push(address);
        }
        keep.push(known || distinct.contains(&address));
    }
    let mut keep = keep.into_iter();
    found.retain(|_| keep.next() == Some(true));
    found
}

/// Whether a line is a field of the notice's own header, pasted with its text: it names who got the notice.
fn is_field_of_a_notice(text: &str) -> bool {
    let lower = text.trim_start().to_lowercase();
    ["from:", "to:", "cc:", "von:", "an:", "de :", "à :", "de:", "para:", "reply-to:", "return-path:"]
        .iter()
        .any(|name| lower.starts_with(name))
}

/// Whether an address is one that notices name for help: no recipient, where another is named.
fn is_of_a_system(address: &Address) -> bool {
    let local = address.as_str().split('@').next().unwrap_or("");
    ["postmaster", "mailer-daemon", "abuse", "hostmaster", "noreply", "no-reply"].contains(&local)
}

/// What stands beside one mention of a recipient.
struct Block {
    /// The line that names it.
    mention: usize,
    /// The last line of those that name recipients under each other, the mention's own if it stands alone.
    from: usize,
    /// Where the next other recipient is named, or the text ends.
    until: usize,
    /// The first blank line behind the words.
    near: usize,
    /// The line on which its words start.
    words_at: usize,
    /// Whether there are words beside addresses.
    has_words: bool,
}

impl Block {
    fn at(lines: &[Line], mentions: &[(Address, usize)], address: &Address, mention: usize) -> Block {
        let names_another = |at: usize| mentions.iter().any(|(other, line)| *line == at && other != address);
        let names_one = |at: usize| mentions.iter().any(|(_, line)| *line == at);
        let is_blank = |at: usize| lines[at].text.trim().is_empty();
        // Recipients under each other: nothing but names and addresses between them.
        let mut from = mention;
        while is_bare(&lines[from].text) && from + 1 < lines.len() && names_one(from + 1) {
            from += 1;
        }
        let until = (from + 1..lines.len()).find(|at| names_another(*at)).unwrap_or(lines.len());
        let first = match is_bare(&lines[from].text) {
            true => (from + 1..until).find(|at| !is_blank(*at)),
            false => Some(from),
        };
        let near = first.and_then(|first| (first..until).find(|at| is_blank(*at))).unwrap_or(until);
        // Words belong to the mention only if no blank line parts them.
        let beside = first.filter(|first| *first <= from + 1);
        Block { mention, from, until, near, words_at: beside.unwrap_or(from), has_words: beside.is_some() }
    }
}

/// Whether a line holds little beside addresses: a name, brackets, a bullet.
fn is_bare(text: &str) -> bool {
    const MAX_NAME_WORDS: usize = 4;
    let words = text.split_whitespace().filter(|word| !word.contains('@'));
    !addresses_in(text).is_empty() && !is_reply(text) && words.count() <= MAX_NAME_WORDS && !text.contains(">: ")
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

/// The last line of the sentence that starts at `from`: up to a blank line, the next refusal, or another recipient, at most four
/// lines on.
fn paragraph_end(lines: &[Line], from: usize, recipient: Option<&Address>) -> usize {
    let is_reply_line = is_reply(&lines[from].text);
    let names_another = |text: &str| addresses_in(text).iter().any(|address| Some(address) != recipient);
    let mut to = from;
    while to + 1 < lines.len() && to - from < 4 {
        let next = lines[to + 1].text.trim();
        let ends = next.is_empty()
            || lines[to].text.trim_end().ends_with("##")
            || (is_reply_line && (is_reply(next) || names_another(next)));
        if ends {
            break;
        }
        to += 1;
    }
    to
}

/// Who refused: `host mx.example.net [192.0.2.1]`, `while talking to mx.example.net.:`, `Server at mx.example.net`,
/// `mx.example.net #<...`, a line with nothing but its name, or `192.0.2.1 does not like recipient.`, looked for from the
/// recipient's name to the end of the refusal.
fn remote(lines: &[Line], mention: usize, reply: usize, end: usize) -> Option<Peer> {
    const LEADS: &[&str] = &[
        "host ",
        "talking to ",
        "server at ",
        "connected to ",
        "remote server ",
        "by the server for the recipient domain ",
    ];
    let from = mention.min(reply).max(reply.saturating_sub(4));
    let texts: Vec<String> = lines[from..=end.max(reply)].iter().map(|line| line.text.trim().to_lowercase()).collect();
    let alone = texts[..=reply - from].iter().find_map(|text| peer_of(text).filter(|_| !text.contains([' ', '@'])));
    let refuses = || {
        texts.iter().find_map(|text| {
            let (host, _) = text.split_once(" does not like ").or_else(|| text.split_once(" failed after "))?;
            peer_of(host)
        })
    };
    // What comes after its code is the refusal's own text: a client or a list that it speaks of did not refuse.
    let said = texts[..=reply - from].join(" ");
    let reply_starts = texts[..reply - from].iter().map(|text| text.len() + 1).sum::<usize>();
    let code_at = said[reply_starts..].match_indices(['4', '5']).map(|(at, _)| reply_starts + at).find(|at| {
        let code = said[*at..].split(|c: char| !(c.is_ascii_digit() || c == '.')).next().unwrap_or("");
        let starts = !said[..*at].ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':'));
        starts && (code.len() == 3 && !code.contains('.') || code.split('.').count() == 3)
    });
    let whole = &said[..code_at.unwrap_or(said.len())];
    let led = || {
        let places = LEADS.iter().flat_map(|lead| whole.match_indices(lead).map(|(at, lead)| at + lead.len()));
        let mut places: Vec<usize> = places.collect();
        places.sort_unstable();
        places.into_iter().find_map(|at| peer_of(&whole[at..]))
    };
    let hashed = || {
        let (host, _) = said.split_once(" #<")?;
        peer_of(host.rsplit(' ').next()?)
    };
    alone.or_else(hashed).or_else(refuses).or_else(led)
}

/// The server that a text begins with: its name, its address, or both.
fn peer_of(text: &str) -> Option<Peer> {
    let mut peer = Peer::default();
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, '[' | ']' | '(' | ')' | ':' | ','));
    for word in words.filter(|word| !word.is_empty()).take(2) {
        let word = word.trim_end_matches('.');
        if word.parse::<std::net::IpAddr>().is_ok() {
            peer.ip = peer.ip.or(Some(word.to_owned()));
        } else if peer.name.is_none() && peer.ip.is_none() && is_host(word) {
            peer.name = Some(word.to_owned());
        } else {
            break;
        }
    }
    (peer.name.is_some() || peer.ip.is_some()).then_some(peer)
}

fn is_host(word: &str) -> bool {
    word.contains('.')
        && word.bytes().any(|b| b.is_ascii_alphabetic())
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
}

/// Whether a reply asks for another try: the reply code goes before the other (RFC 5321, 4.2.1).
fn is_for_now(reply: &Reply) -> bool {
    match reply.reply_code {
        Some(code) => (400..500).contains(&code),
        None => reply.enhanced_status_code.as_deref().is_some_and(|code| code.starts_with('4')),
    }
}

/// Still trying, if subject or text say so and nothing says that it was given up; `None` if they say neither.
fn action(lines: &[Line], notice: &Header) -> Option<DsnAction> {
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
    // Said of what is to come, even where the text goes on to speak of what happens if it fails.
    const GOES_ON: &[&str] = &[
        "will retry",
        "will be retried",
        "will keep trying",
        "will continue to try",
        "this is a warning only",
        "do not need to resend",
        "there was a temporary problem delivering",
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
        "wasn't delivered",
        "has failed",
        "has been blocked",
    ];
    let subject = notice.first("subject").map(|field| boundary::words(&field.value).to_lowercase()).unwrap_or_default();
    let text: String = lines.iter().take(60).map(|line| line.text.to_lowercase()).collect::<Vec<_>>().join("\n");
    let says = |words: &[&str], text: &str| words.iter().any(|word| text.contains(word));
    let late = says(LATE, &subject) || says(GOES_ON, &text) || (says(LATE, &text) && !says(OVER, &text));
    let over = says(OVER, &subject) || says(OVER, &text);
    if late && !says(OVER, &subject) {
        Some(DsnAction::Delayed)
    } else {
        (over || !notice.fields.is_empty()).then_some(DsnAction::Failed)
    }
}

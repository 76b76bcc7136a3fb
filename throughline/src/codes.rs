//! `codes`: what an enhanced status code, a reply, or the text of a notice says, and who can mend it.

use std::path::PathBuf;

use evidence::{Peer, Reply};
use report::Codes;

use crate::cli;
use crate::failure::Failure;
use crate::output;

/// How many replies of one text are explained.
const MAX_REPLIES: usize = 50;
/// How much of a text is looked at.
const MAX_BYTES: usize = 1 << 20;

/// Explains what was asked, or prints the tables; gives the exit status: 1 if a text has no refusal in it.
///
/// # Errors
/// [`Failure`] if there is nothing to read, or the answer cannot be written.
pub fn run(options: &cli::Codes) -> Result<u8, Failure> {
    let codes = match options.reply.as_slice() {
        [] => Codes::all(),
        [dash] if dash == "-" => Codes::of(&replies(&standard_input()?)),
        words => Codes::of(&replies(&words.join(" "))),
    };
    output::print(&output::page(&codes, &codes.sheet(), &options.output)?)?;
    Ok(u8::from(!codes.is_told()))
}

fn standard_input() -> Result<String, Failure> {
    let evidence = intake::open(&[PathBuf::from("-")], intake::Limits::default());
    match evidence.files.first() {
        Some(file) => Ok(String::from_utf8_lossy(&file.bytes[..file.bytes.len().min(MAX_BYTES)]).into_owned()),
        None => Err(Failure::NothingReadable(evidence.refused.iter().map(ToString::to_string).collect())),
    }
}

/// The replies of a text: each begins at a line with a code and goes on to the next such line or to a blank one. Lines of one
/// reply that repeat its code (`550-5.7.1 ...`), and fields of a notice that do, are one. A text without a code is one.
fn replies(text: &str) -> Vec<(Reply, Option<Peer>)> {
    let mut found: Vec<String> = Vec::new();
    let mut before = "";
    let mut is_open = false;
    for line in text.lines().map(str::trim) {
        let own = codes(&sources::reply_of(line));
        let goes_on =
            is_open && (own.is_none() || own == found.last().and_then(|last| codes(&sources::reply_of(last))));
        if goes_on && !line.is_empty() {
            if let Some(last) = found.last_mut() {
                last.push(' ');
                last.push_str(line);
            }
        } else if own.is_some() && found.len() < MAX_REPLIES {
            // The line before a wrapped one may name the refusing server.
            let host = if host_in(before).is_some() && host_in(line).is_none() { before } else { "" };
            found.push(format!("{host} {line}").trim().to_owned());
        }
        is_open = !line.is_empty() && !found.is_empty();
        before = line;
    }
    if found.is_empty() {
        found.push(text.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    let mut replies: Vec<(Reply, Option<Peer>)> = Vec::new();
    for text in found {
        let one = (sources::reply_of(&text), host_in(&text));
        if !replies
            .iter()
            .any(|(known, host)| codes(known).is_some() && codes(known) == codes(&one.0) && *host == one.1)
        {
            replies.push(one);
        }
    }
    replies
}

/// The codes of a refusal.
fn codes(reply: &Reply) -> Option<(Option<u16>, Option<String>)> {
    let enhanced = reply.enhanced_status_code.clone().filter(|code| !code.starts_with('2'));
    let plain = reply.reply_code.filter(|code| *code >= 400);
    (enhanced.is_some() || plain.is_some()).then_some((plain, enhanced))
}

/// The first host of a known service that a text names.
fn host_in(text: &str) -> Option<Peer> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    text.split(|c: char| !is_part(c))
        .map(|word| word.trim_matches(['.', '-']))
        .filter(|word| word.contains('.'))
        .find(|word| sources::service_of_host(word).is_some())
        .map(|word| Peer { name: Some(word.to_ascii_lowercase()), ..Peer::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_replies() {
        for (name, text, expected) in [
            ("a code", "5.7.64", vec![(None, Some("5.7.64"))]),
            ("a reply code", "550", vec![(Some(550), None)]),
            ("a line", "550 5.7.64 TenantAttribution; Relay Access Denied", vec![(Some(550), Some("5.7.64"))]),
            (
                "several lines",
                "550-5.7.26 no\r\n550-5.7.26 because\r\n550 5.7.26 dmarc",
                vec![(Some(550), Some("5.7.26"))],
            ),
            (
                "two recipients",
                "<a@example.com>: host mx.example.com said:\n 550 5.1.1 unknown\n\n<b@example.com>: 452 4.2.2 full",
                vec![(Some(550), Some("5.1.1")), (Some(452), Some("4.2.2"))],
            ),
            ("no code", "we do not like it", vec![(None, None)]),
        ] {
            let found = replies(text);
            let found: Vec<_> =
                found.iter().map(|(reply, _)| (reply.reply_code, reply.enhanced_status_code.as_deref())).collect();
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn ok_hosts() {
        for (text, expected) in [
            ("host client-example.mail.protection.outlook.com[192.0.2.1] said: 550 5.4.1 no", true),
            ("host mx.example.com[192.0.2.1] said: 550 5.4.1 no", false),
        ] {
            assert_eq!(host_in(text).is_some(), expected, "{text}");
        }
    }
}

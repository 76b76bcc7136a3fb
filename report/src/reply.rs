//! What servers answered, explained: the part of a report that stands beside the cause.

use evidence::SAID_MAX_CHARS;
use findings::status::CopyReply;

use crate::document::{Cite, MessageCopy, ReplyExplained, Report};
use crate::sheet::{Block, Row, Section, Tone};
use crate::view::{self, View};

impl From<CopyReply> for ReplyExplained {
    fn from(told: CopyReply) -> ReplyExplained {
        let meaning = told.explained.meaning;
        ReplyExplained {
            from: told.from,
            reply_code: told.reply.reply_code,
            enhanced_status_code: told.reply.enhanced_status_code,
            said: told.reply.text.chars().take(SAID_MAX_CHARS).collect(),
            list: meaning.list.name().to_owned(),
            means: meaning.means,
            layer: told.layer.map(Into::into),
            cause: meaning.cause,
            owner: meaning.owner.map(Into::into),
            to_do: meaning.to_do,
            source: meaning.source,
            cites: told.cites.iter().map(Cite::from).collect(),
        }
    }
}

/// The replies of all copies, each once; none if no copy met one.
pub(crate) fn section(report: &Report, view: &View<'_>) -> Option<Section> {
    let mut told: Vec<(&ReplyExplained, Vec<&MessageCopy>)> = Vec::new();
    for copy in &report.copies {
        for reply in &copy.replies {
            let same = |(known, _): &&mut (&ReplyExplained, _)| {
                (&known.enhanced_status_code, &known.means, &known.cause, &known.from)
                    == (&reply.enhanced_status_code, &reply.means, &reply.cause, &reply.from)
            };
            match told.iter_mut().find(same) {
                Some((_, copies)) => copies.push(copy),
                None => told.push((reply, vec![copy])),
            }
        }
    }
    let rows: Vec<Row> = told.iter().map(|(reply, copies)| row(reply, copies, report, view)).collect();
    (!rows.is_empty()).then(|| Section {
        id: "replies",
        title: "What the servers answered".to_owned(),
        blocks: vec![Block::Rows(rows)],
    })
}

fn row(reply: &ReplyExplained, copies: &[&MessageCopy], report: &Report, view: &View<'_>) -> Row {
    let mut notes = Vec::new();
    let blames: Vec<&str> = reply.layer.map(|layer| layer.word()).into_iter().chain(reply.cause.as_deref()).collect();
    notes.push(match (blames.as_slice(), &reply.cause) {
        ([], _) => "neither the code nor the words name a cause".to_owned(),
        (_, None) => format!("{}; the code alone names no cause", blames.join(", ")),
        (_, Some(_)) => blames.join(", "),
    });
    notes.push(match reply.owner {
        Some(owner) => format!("to be mended by {}: {}", owner.word(), reply.to_do),
        None => reply.to_do.clone(),
    });
    notes.push(format!("by {}: {}", reply.list, reply.source));
    if copies.len() < report.copies.len() {
        let names: Vec<&str> = copies.iter().map(|copy| view::recipient(copy)).collect();
        notes.push(match names.as_slice() {
            [one] => format!("for {one}"),
            [first, rest @ ..] => format!("for {first} and {} more", rest.len()),
            [] => String::new(),
        });
    }
    // A finding above that quotes it is enough.
    let is_quoted = |said: &str| report.findings.iter().any(|finding| finding.statement.contains(said));
    let numbers: String = view.records.numbers(&reply.cites).iter().map(|number| format!(" [{number}]")).collect();
    Row {
        tone: if is_for_now(reply) { Tone::Warn } else { Tone::Bad },
        lead: code(reply),
        text: format!("{}: {}{numbers}", reply.from, reply.means),
        notes,
        raw: Some(reply.said.clone()).filter(|said| !said.is_empty() && !is_quoted(said)),
        ..Row::default()
    }
}

/// `550 5.7.1`, as much of it as there is.
fn code(reply: &ReplyExplained) -> String {
    let parts: Vec<String> =
        reply.reply_code.map(|code| code.to_string()).into_iter().chain(reply.enhanced_status_code.clone()).collect();
    if parts.is_empty() { "no code".to_owned() } else { parts.join(" ") }
}

/// Whether the reply asks for another try (RFC 5321, 4.2.1: the reply code goes before the other).
fn is_for_now(reply: &ReplyExplained) -> bool {
    match reply.reply_code {
        Some(code) => code < 500,
        None => !reply.enhanced_status_code.as_deref().is_some_and(|code| code.starts_with('5')),
    }
}

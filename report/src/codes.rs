//! What `throughline codes` shows: a reply explained, or the tables.

use findings::status::{self, Meaning};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::document::{Layer, Owner};
use crate::sheet::{Block, Row, Section, Sheet, Tone};

/// The name and version of the document's form.
pub const CODES_SCHEMA: &str = "throughline.codes.v1";

/// Replies explained; without any, all that the tables hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Codes {
    /// Always `throughline.codes.v1`.
    pub schema: String,
    /// The replies that were asked about, in their order.
    pub replies: Vec<AskedReply>,
    /// The tables, if no reply was asked about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<CodeList>,
}

/// A reply that was asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AskedReply {
    /// It as given.
    pub said: String,
    /// RFC 5321 reply code, such as 550.
    pub reply_code: Option<u16>,
    /// RFC 3463 enhanced status code, such as `5.7.1`.
    pub enhanced_status_code: Option<String>,
    /// Who speaks, by host or words; null if neither tells.
    pub speaker: Option<String>,
    /// What it means; null if neither a code of a refusal nor words that are known stand in it.
    pub meaning: Option<CodeMeaning>,
    /// What the same number means where somebody else says it.
    pub elsewhere: Vec<CodeMeaning>,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodeList {
    /// Whose codes they are.
    pub list: String,
    /// What it holds.
    pub codes: Vec<CodeMeaning>,
}

/// What a code or a text means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodeMeaning {
    /// Whose list says so, such as `Exchange Online` or `the standards`.
    pub list: String,
    /// The codes and the words that it is about; null for one that was asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// The meaning, in one sentence.
    pub means: String,
    /// The layers that may say it: routing is the arrival's at the door that says it, the delivery's for whoever hands on.
    pub layers: Vec<Layer>,
    /// The cause that it names, `family/specific`; null where only the text decides.
    pub cause: Option<String>,
    /// Who can mend it; null if that cannot be told.
    pub owner: Option<Owner>,
    /// What to do, as narrowly as possible.
    pub to_do: String,
    /// Kinds of export that prove it; a notice alone is hearsay.
    pub exports: Vec<String>,
    /// The page that says what it means, and the day on which it was read.
    pub source: String,
}

impl From<&Meaning> for CodeMeaning {
    fn from(meaning: &Meaning) -> CodeMeaning {
        CodeMeaning {
            list: meaning.list.name().to_owned(),
            about: None,
            means: meaning.means.clone(),
            layers: meaning.layers.iter().copied().map(Layer::from).collect(),
            cause: meaning.cause.clone(),
            owner: meaning.owner.map(Owner::from),
            to_do: meaning.to_do.clone(),
            exports: meaning.exports.iter().map(|id| (*id).to_owned()).collect(),
            source: meaning.source.clone(),
        }
    }
}

impl Codes {
    /// Explains replies, each with the host that a text names, if it does.
    pub fn of(asked: &[(evidence::Reply, Option<evidence::Peer>)]) -> Codes {
        let explain = |(reply, host): &(evidence::Reply, Option<evidence::Peer>)| {
            let found = status::explain(reply, host.as_ref());
            AskedReply {
                said: reply.text.clone(),
                reply_code: reply.reply_code,
                enhanced_status_code: reply.enhanced_status_code.clone(),
                speaker: found.as_ref().and_then(|found| found.speaker.clone()),
                meaning: found.as_ref().map(|found| CodeMeaning::from(&found.meaning)),
                elsewhere: found.iter().flat_map(|found| &found.elsewhere).map(CodeMeaning::from).collect(),
            }
        };
        Codes { schema: CODES_SCHEMA.to_owned(), replies: asked.iter().map(explain).collect(), lists: Vec::new() }
    }

    /// All tables.
    pub fn all() -> Codes {
        let of = |(list, entries): &(status::List, Vec<(String, Meaning)>)| CodeList {
            list: list.name().to_owned(),
            codes: entries
                .iter()
                .map(|(about, meaning)| CodeMeaning { about: Some(about.clone()), ..CodeMeaning::from(meaning) })
                .collect(),
        };
        let lists = status::all().iter().map(of).collect();
        Codes { schema: CODES_SCHEMA.to_owned(), replies: Vec::new(), lists }
    }

    /// Whether every reply that was asked about has a meaning.
    pub fn is_told(&self) -> bool {
        self.replies.iter().all(|reply| reply.meaning.is_some())
    }

    /// The document as a page.
    pub fn sheet(&self) -> Sheet {
        let replies: Vec<Block> = self.replies.iter().map(|reply| Block::Rows(rows(reply))).collect();
        let asked = (!replies.is_empty()).then(|| Section {
            id: "replies",
            title: "What it means".to_owned(),
            blocks: replies,
        });
        let list = |(list, id): (&CodeList, &'static str)| Section {
            id,
            title: format!("Codes and texts: {}", list.list),
            blocks: vec![Block::Rows(list.codes.iter().map(entry).collect())],
        };
        // Anchors of a page stay the same: one a place in the order of the tables.
        const IDS: [&str; 6] = ["list-1", "list-2", "list-3", "list-4", "list-5", "list-6"];
        let sections = asked.into_iter().chain(self.lists.iter().zip(IDS).map(list)).collect();
        Sheet { title: "Codes explained".to_owned(), sections }
    }
}

fn rows(reply: &AskedReply) -> Vec<Row> {
    let parts = reply.reply_code.map(|code| code.to_string()).into_iter().chain(reply.enhanced_status_code.clone());
    let code = parts.collect::<Vec<_>>().join(" ");
    let lead = if code.is_empty() { "no code".to_owned() } else { code };
    let Some(meaning) = &reply.meaning else {
        let text = "no refusal: neither a code of class 4 or 5 nor words that are known stand in it".to_owned();
        return vec![Row { tone: Tone::Odd, lead, text, raw: Some(reply.said.clone()), ..Row::default() }];
    };
    let mut notes = notes(meaning);
    notes.push(match &reply.speaker {
        Some(speaker) => format!("spoken by {speaker}, by host or words"),
        None => "who speaks is not shown: give the line that names the refusing host".to_owned(),
    });
    let first = Row { tone: Tone::Bad, lead, text: meaning.means.clone(), notes, ..Row::default() };
    let elsewhere = reply.elsewhere.iter().map(|other| Row {
        tone: Tone::Soft,
        lead: format!("by {}", other.list),
        text: other.means.clone(),
        notes: notes_short(other),
        ..Row::default()
    });
    [first].into_iter().chain(elsewhere).collect()
}

fn entry(meaning: &CodeMeaning) -> Row {
    Row {
        tone: Tone::Plain,
        lead: meaning.about.clone().unwrap_or_default(),
        text: meaning.means.clone(),
        notes: notes_short(meaning),
        ..Row::default()
    }
}

/// `verdict, policy-scope-or-order/transport-rule`.
fn blames(meaning: &CodeMeaning) -> String {
    let layers = meaning.layers.iter().map(|layer| layer.word()).collect::<Vec<_>>().join(" or ");
    match (&meaning.cause, layers.is_empty()) {
        (Some(cause), _) => format!("{layers}, {cause}"),
        (None, false) => format!("{layers}; which cause, only the text decides"),
        (None, true) => "which layer and cause, only the text decides".to_owned(),
    }
}

fn mended(meaning: &CodeMeaning) -> String {
    match meaning.owner {
        Some(owner) => format!("to be mended by {}: {}", owner.word(), meaning.to_do),
        None => meaning.to_do.clone(),
    }
}

fn notes(meaning: &CodeMeaning) -> Vec<String> {
    vec![
        blames(meaning),
        mended(meaning),
        format!("proved by: {}", meaning.exports.join(", ")),
        format!("by {}: {}", meaning.list, meaning.source),
    ]
}

fn notes_short(meaning: &CodeMeaning) -> Vec<String> {
    vec![blames(meaning), mended(meaning)]
}

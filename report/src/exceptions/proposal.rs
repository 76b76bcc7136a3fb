//! What `throughline exception propose` shows: what is to be done about what stopped a message, and the narrowest exception if one is
//! the right cure.

use exceptions::{Cure, Done, Need, Proposal, Radius, Way};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    GuardReason, MeasuredHistory, MeasuredScope, cites_of, evidence_section, history_blocks, last_end, notes_section,
    product, radius_rows, reason_rows, shown_end,
};
use crate::assemble;
use crate::document::{Cite, EvidenceFile, Message};
use crate::picture::Picture;
use crate::sheet::{Block, Numbers, Pictured, Row, Section, Sheet, Tone};

/// The name and version of the document's form.
pub const PROPOSAL_SCHEMA: &str = "throughline.proposal.v1";

/// What is to be done about what stopped a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExceptionProposal {
    /// Always `throughline.proposal.v1`.
    pub schema: String,
    /// What comes first.
    pub answer: ProposalAnswer,
    /// The message; the first one if several are followed.
    pub message: Message,
    /// How many messages are followed.
    pub messages: u64,
    /// One a product and reason that stopped copies.
    pub cures: Vec<CuredNeed>,
    /// Candidates from narrow to wide with what they would have let through; null if nothing was measured.
    pub candidates: Option<Picture>,
    /// Over which history was measured.
    pub history: MeasuredHistory,
    /// What was assumed or left aside, in sentences.
    pub assumptions: Vec<String>,
    /// What was read.
    pub evidence: Vec<EvidenceFile>,
}

/// What comes first of all that is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProposalAnswer {
    /// Nothing keeps the message out.
    Nothing,
    /// An exception is proposed.
    Except,
    /// Something is to be mended; an exception would hide it.
    Mend,
    /// No exception helps.
    Useless,
    /// What stopped the message is not shown, or what a narrow exception would rest on.
    NotShown,
}

/// What stopped some copies of a message, and what is to be done about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CuredNeed {
    /// What stopped which copies.
    pub need: NeedTold,
    /// What is to be done.
    pub cure: CureKind,
    /// What is to be mended; null if nothing is.
    pub what: Option<String>,
    /// Who can mend it.
    pub owner: Option<String>,
    /// Why so, in sentences.
    pub because: String,
    /// The page that says that nothing overrides the verdict, and the day on which it was read.
    pub source: Option<String>,
    /// Records.
    pub cites: Vec<Cite>,
    /// Kinds of export that would show what stopped it.
    pub ask_for: Vec<String>,
    /// Exceptions, the narrowest first; for what is to be mended or cannot be overridden, what may be done for the one message.
    pub proposals: Vec<ProposedException>,
}

/// What stopped which copies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NeedTold {
    /// Whose doing it was.
    pub product: String,
    /// The id of the cause, such as `content-verdict/spam`; empty if none is shown.
    pub cause: String,
    /// Whether the cause is proved or likely.
    pub is_shown: bool,
    /// The cause in a sentence.
    pub because: String,
    /// The policy, rule or entry that acted, where it is named.
    pub policy: Option<String>,
    /// Recipients of the copies that were stopped.
    pub envelope_recipients: Vec<String>,
    /// Its records.
    pub cites: Vec<Cite>,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CureKind {
    /// The fault is to be mended.
    Mend,
    /// An exception.
    Except,
    /// Nothing overrides the verdict.
    Useless,
    /// What stopped it is not shown, or what a narrow exception would rest on: `need.is_shown` says which.
    NotShown,
}

/// One exception, ready to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProposedException {
    /// What it is, in a sentence.
    pub what: String,
    /// Why this one, in a sentence.
    pub because: String,
    /// Records.
    pub cites: Vec<Cite>,
    /// Rows of the vendor's table by which the guard calls it narrow, such as `N6`.
    pub rows: Vec<String>,
    /// Why the guard calls it narrow.
    pub reasons: Vec<GuardReason>,
    /// Which mail it would let through, in words.
    pub scopes: Vec<String>,
    /// When it ends, as in `throughline.guard.v1`.
    pub ends: Option<String>,
    /// How to do it.
    pub doing: HowTo,
    /// How to undo it.
    pub undoing: HowTo,
    /// The check that shows that it works.
    pub works: HowTo,
    /// The check that shows that nothing else came in.
    pub holds: HowTo,
    /// What it would have let through over the history; null if nothing was measured.
    pub radius: Option<MeasuredScope>,
}

/// How something is done: by a command, by clicks, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HowTo {
    /// In a sentence.
    pub what: String,
    /// The command, with the ticket's own values quoted in it.
    pub command: Option<String>,
    /// By whose rules the words of the command are quoted: `powershell` or `sh`.
    pub shell: Option<String>,
    /// The click path.
    pub clicks: Option<String>,
}

/// What was found out about one or several messages.
pub struct ProposalOf<'a> {
    /// The message; the first one if several are followed.
    pub message: Message,
    /// How many messages are followed.
    pub messages: u64,
    /// Whether the fate of every copy is shown.
    pub is_shown: bool,
    /// What is to be done.
    pub cures: &'a [Cure],
    /// Candidates from narrow to wide.
    pub candidates: Option<Picture>,
    /// Over which history was measured.
    pub history: MeasuredHistory,
    /// What was assumed or left aside.
    pub assumptions: Vec<String>,
    /// What was read.
    pub evidence: Vec<EvidenceFile>,
}

impl ExceptionProposal {
    /// The document of what was found out.
    pub fn of(found: ProposalOf<'_>) -> ExceptionProposal {
        let cures: Vec<CuredNeed> = found.cures.iter().map(CuredNeed::from).collect();
        let has = |kind| cures.iter().any(|one| one.cure == kind);
        let answer = match () {
            () if has(CureKind::NotShown) || (cures.is_empty() && !found.is_shown) => ProposalAnswer::NotShown,
            () if has(CureKind::Useless) => ProposalAnswer::Useless,
            () if has(CureKind::Mend) => ProposalAnswer::Mend,
            () if has(CureKind::Except) => ProposalAnswer::Except,
            () => ProposalAnswer::Nothing,
        };
        ExceptionProposal {
            schema: PROPOSAL_SCHEMA.to_owned(),
            answer,
            message: found.message,
            messages: found.messages,
            cures,
            candidates: found.candidates,
            history: found.history,
            assumptions: found.assumptions,
            evidence: found.evidence,
        }
    }

    /// Whether what stopped the message is shown, whatever the answer.
    pub fn is_cause_shown(&self) -> bool {
        !self.cures.is_empty() && self.cures.iter().all(|cure| cure.need.is_shown)
    }

    /// Visits every cite.
    pub fn each_cite(&mut self, visit: &mut dyn FnMut(&mut Cite)) {
        for cure in &mut self.cures {
            cure.need.cites.iter_mut().chain(&mut cure.cites).for_each(&mut *visit);
            for proposal in &mut cure.proposals {
                proposal.cites.iter_mut().chain(cites_of(&mut proposal.reasons)).for_each(&mut *visit);
            }
        }
    }

    /// The document as a page: what is to be done first.
    pub fn sheet(&self) -> Sheet {
        let mut sections = vec![self.answered()];
        for cure in &self.cures {
            let mut list = cure.proposals.iter().enumerate();
            sections.extend(list.by_ref().map(|(at, one)| proposed(at, one, cure)));
        }
        sections.extend(self.measured());
        sections.extend(notes_section(&self.assumptions));
        sections.extend(evidence_section(&self.evidence));
        let about = self.message.subject.clone().or_else(|| self.message.message_id.clone());
        let about = about.map_or(String::new(), |about| format!(": {about}"));
        Sheet { title: format!("The narrowest exception{about}"), sections }
    }

    fn answered(&self) -> Section {
        let mut blocks = Vec::new();
        if self.cures.is_empty() {
            blocks.push(match self.answer {
                ProposalAnswer::NotShown => Block::Text(
                    Tone::Odd,
                    "What became of the message is not shown: `throughline follow` says which export to fetch."
                        .to_owned(),
                ),
                _ => Block::Text(Tone::Good, "Nothing keeps this message out: no exception is needed.".to_owned()),
            });
        }
        for cure in &self.cures {
            blocks.extend(told(cure));
        }
        blocks.push(Block::Facts(about(&self.message, self.messages)));
        Section { id: "answer", title: "Answer".to_owned(), blocks }
    }

    fn measured(&self) -> Option<Section> {
        let is_asked = self.candidates.is_some() || self.cures.iter().any(|cure| !cure.proposals.is_empty());
        if !is_asked {
            return None;
        }
        let mut blocks = Vec::new();
        if let Some(picture) = &self.candidates {
            blocks.push(Block::Picture(Pictured { picture: picture.clone(), numbers: Numbers::default() }));
        }
        blocks.extend(history_blocks(&self.history));
        Some(Section { id: "radius", title: "What would have come in, narrow to wide".to_owned(), blocks })
    }
}

/// Who and what the message is.
fn about(message: &Message, messages: u64) -> Vec<(String, String)> {
    let recipients = message.envelope_recipients.join(", ");
    let facts = [
        ("Subject", message.subject.clone()),
        ("From", message.header_from.clone()),
        ("Sent by", message.envelope_sender.clone()),
        ("For", Some(recipients).filter(|all| !all.is_empty())),
        ("Message-ID", message.message_id.as_ref().map(|id| format!("<{id}>"))),
        ("Messages", (messages > 1).then(|| format!("{messages} are followed; this is the first"))),
    ];
    facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn told(cure: &CuredNeed) -> Vec<Block> {
    let (tone, lead) = match cure.cure {
        CureKind::Mend => (Tone::Warn, "mend it, do not except it"),
        CureKind::Except => (Tone::Good, "an exception"),
        CureKind::Useless => (Tone::Bad, "no exception helps"),
        CureKind::NotShown if cure.need.is_shown => (Tone::Odd, "more is needed to propose one"),
        CureKind::NotShown => (Tone::Odd, "not shown"),
    };
    let numbers = Numbers::default();
    let need = &cure.need;
    let who = if need.envelope_recipients.is_empty() {
        String::new()
    } else {
        format!(" for {}", need.envelope_recipients.join(", "))
    };
    let cause = if need.cause.is_empty() { "cause not shown" } else { need.cause.as_str() };
    let policy = need.policy.as_ref().map(|policy| format!("policy, rule or entry: {policy}"));
    let first = cure
        .what
        .clone()
        .or_else(|| Some(cure.proposals.first()?.what.clone()).filter(|_| cure.cure == CureKind::Except));
    let mut notes: Vec<String> = Vec::new();
    notes.extend(first.is_some().then(|| cure.because.clone()).filter(|text| !text.is_empty()));
    notes.extend(cure.owner.as_ref().map(|owner| format!("owner: {owner}")));
    notes.extend(cure.source.clone());
    if !cure.ask_for.is_empty() {
        notes.push(format!("fetch: {}", cure.ask_for.join(", ")));
    }
    let stopped = Row {
        tone: if need.is_shown { Tone::Plain } else { Tone::Odd },
        lead: format!("{cause}{who}"),
        text: need.because.clone(),
        records: numbers.references(&need.cites),
        notes: policy.into_iter().collect(),
        ..Row::default()
    };
    let done = Row {
        tone,
        lead: lead.to_owned(),
        text: first.unwrap_or_else(|| cure.because.clone()),
        records: numbers.references(&cure.cites),
        notes,
        ..Row::default()
    };
    vec![Block::Rows(vec![stopped, done])]
}

/// One exception in six parts: what, why, how to do it and to undo it, when it ends, and the two checks.
fn proposed(at: usize, one: &ProposedException, cure: &CuredNeed) -> Section {
    let numbers = Numbers::default();
    let title = match (cure.cure, at) {
        (CureKind::Except, 0) => "The narrowest".to_owned(),
        (CureKind::Except, at) => format!("Next narrowest ({})", at + 1),
        _ => "Meanwhile, for the one message".to_owned(),
    };
    let why = Row {
        lead: "why".to_owned(),
        text: one.because.clone(),
        records: numbers.references(&one.cites),
        ..Row::default()
    };
    let mut blocks = vec![Block::Text(Tone::Plain, one.what.clone()), Block::Rows(vec![why])];
    let mut facts: Vec<(String, String)> =
        one.scopes.iter().map(|scope| ("Lets through".to_owned(), scope.clone())).collect();
    let end = one.ends.as_deref().map_or("it changes no setting".to_owned(), shown_end);
    facts.push(("Ends".to_owned(), end));
    blocks.push(Block::Facts(facts));
    for (heading, way) in [
        ("Do it", &one.doing),
        ("Undo it", &one.undoing),
        ("It works", &one.works),
        ("Nothing else came in", &one.holds),
    ] {
        blocks.push(Block::Heading(heading.to_owned()));
        if !way.what.is_empty() {
            blocks.push(Block::Text(Tone::Plain, way.what.clone()));
        }
        if let Some(command) = &way.command {
            blocks.push(Block::Commands(command.lines().map(str::to_owned).collect()));
        }
        if let Some(clicks) = &way.clicks {
            blocks.push(Block::Text(Tone::Soft, clicks.clone()));
        }
    }
    blocks.push(Block::Heading("The guard".to_owned()));
    blocks.push(Block::Rows(reason_rows(&one.reasons, &numbers)));
    if let Some(radius) = &one.radius {
        blocks.push(Block::Heading("It would have let through".to_owned()));
        blocks.push(Block::Rows(radius_rows(std::slice::from_ref(radius))));
    }
    Section { id: "proposal", title, blocks }
}

impl From<&Cure> for CuredNeed {
    fn from(cure: &Cure) -> CuredNeed {
        let need = NeedTold::from(&cure.need);
        let all = |list: &[Proposal]| list.iter().map(ProposedException::from).collect::<Vec<_>>();
        let of = |kind, because: &str| CuredNeed {
            need,
            cure: kind,
            what: None,
            owner: None,
            because: because.to_owned(),
            source: None,
            cites: Vec::new(),
            ask_for: Vec::new(),
            proposals: Vec::new(),
        };
        match &cure.done {
            Done::Mend { what, owner, because, cites, meanwhile } => CuredNeed {
                what: Some(what.clone()),
                owner: Some((*owner).to_owned()),
                cites: assemble::cites(cites),
                proposals: all(meanwhile),
                ..of(CureKind::Mend, because)
            },
            Done::Useless { because, source, cites, meanwhile } => CuredNeed {
                source: Some((*source).to_owned()).filter(|source| !source.is_empty()),
                cites: assemble::cites(cites),
                proposals: all(meanwhile),
                ..of(CureKind::Useless, because)
            },
            Done::Except(list) => CuredNeed {
                proposals: all(list),
                ..of(CureKind::Except, list.first().map_or("", |first| first.because.as_str()))
            },
            Done::NotShown { because, ask_for } => CuredNeed {
                ask_for: ask_for.iter().map(|id| (*id).to_owned()).collect(),
                ..of(CureKind::NotShown, because)
            },
        }
    }
}

impl From<&Need> for NeedTold {
    fn from(need: &Need) -> NeedTold {
        NeedTold {
            product: product(&need.product),
            cause: need.cause.clone(),
            is_shown: need.is_shown,
            because: need.because.clone(),
            policy: need.policy.clone(),
            envelope_recipients: need.envelope_recipients.iter().map(|one| one.as_str().to_owned()).collect(),
            cites: assemble::cites(&need.cites),
        }
    }
}

impl From<&Proposal> for ProposedException {
    fn from(proposal: &Proposal) -> ProposedException {
        let checked = proposal.exception.checked();
        let grants = || checked.steps.iter().flat_map(|step| &step.grants);
        let reasons: Vec<GuardReason> = checked.reasons().map(GuardReason::from).collect();
        let mut rows: Vec<String> = reasons
            .iter()
            .filter(|one| one.level == "narrow" && !one.row.is_empty())
            .map(|one| one.row.clone())
            .collect();
        rows.dedup();
        let scopes: Vec<String> = grants().map(|grant| grant.scope.to_string()).collect();
        let scope = |radius: &Radius| MeasuredScope {
            scope: scopes.join("; or "),
            ..MeasuredScope::of(&exceptions::Scope::default(), radius)
        };
        ProposedException {
            what: proposal.what.clone(),
            because: proposal.because.clone(),
            cites: assemble::cites(&proposal.cites),
            rows,
            reasons,
            radius: proposal.radius.as_ref().map(scope),
            ends: last_end(grants()),
            doing: HowTo::from(&proposal.doing),
            undoing: HowTo::from(&proposal.undoing),
            works: HowTo::from(&proposal.works),
            holds: HowTo::from(&proposal.holds),
            scopes,
        }
    }
}

impl From<&Way> for HowTo {
    fn from(way: &Way) -> HowTo {
        HowTo {
            what: way.what.clone(),
            command: way.command.as_ref().map(|command| command.text.clone()),
            shell: way.command.as_ref().map(|command| command.shell.to_owned()),
            clicks: way.clicks.clone(),
        }
    }
}

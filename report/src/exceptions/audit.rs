//! What `throughline audit-exceptions` shows: what lets mail through already, the widest first.

use exceptions::{Audit, Audited, Fault, Radius};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::{tone, word};
use super::{
    GuardAnswer, GuardReason, MeasuredHistory, MeasuredScope, ProposedException, cites_of, evidence_section,
    history_blocks, last_end, notes_section, product, radius_rows, reason_rows, shown_end,
};
use crate::assemble;
use crate::document::{Cite, EvidenceFile};
use crate::sheet::{Block, Numbers, Row, Section, Sheet, Tone};
use crate::text::counted;

/// The name and version of the document's form.
pub const AUDIT_SCHEMA: &str = "throughline.audit.v1";

/// What lets mail through already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BypassAudit {
    /// Always `throughline.audit.v1`.
    pub schema: String,
    /// The widest first: by what each let through, then by what the guard says.
    pub bypasses: Vec<AuditedBypass>,
    /// Over which history was measured.
    pub history: MeasuredHistory,
    /// What was assumed or left aside, in sentences.
    pub assumptions: Vec<String>,
    /// What was read.
    pub evidence: Vec<EvidenceFile>,
}

/// One thing that is set up and lets mail through, or takes a protection away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditedBypass {
    /// Its place in the order, from 1.
    pub rank: u64,
    /// Whose it is.
    pub product: String,
    /// What it is, such as `transport rule`, by the kind of export.
    pub operation: String,
    /// Its name or value.
    pub name: String,
    /// Whether it acts now, as far as the evidence shows: switched on, begun, and not over.
    pub acts: bool,
    /// What the guard says of it.
    pub answer: GuardAnswer,
    /// Why.
    pub reasons: Vec<GuardReason>,
    /// Which mail it lets through, in words.
    pub scopes: Vec<String>,
    /// When it ends, as in `throughline.guard.v1`.
    pub ends: Option<String>,
    /// What it let through over the history, or would have; null if that was not measured. If it has several scopes that may overlap, these
    /// are upper bounds.
    pub radius: Option<MeasuredScope>,
    /// Who made or last changed it and when; null if no record says.
    pub made: Option<String>,
    /// Which approval covers it; null if none does or none is needed.
    pub approved: Option<String>,
    /// What else is wrong with it.
    pub faults: Vec<BypassFault>,
    /// What would be enough, narrower.
    pub instead: Vec<ProposedException>,
    /// What to do where nothing narrower can be proposed; null if it is narrow enough.
    pub advice: Option<String>,
    /// Its records.
    pub cites: Vec<Cite>,
}

/// Something that is wrong with what is set up, beside its width.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BypassFault {
    /// `expired`, `unused`, `shadowed`, `contradicting` or `wider-than-approved`.
    pub id: String,
    /// In a sentence.
    pub statement: String,
    /// Records.
    pub cites: Vec<Cite>,
}

impl BypassAudit {
    /// The document of what was found, in its order.
    pub fn of(
        found: &Audit,
        history: MeasuredHistory,
        assumptions: Vec<String>,
        evidence: Vec<EvidenceFile>,
    ) -> BypassAudit {
        let bypasses = found.all.iter().zip(1..).map(|(one, rank)| bypass(one, rank)).collect();
        BypassAudit { schema: AUDIT_SCHEMA.to_owned(), bypasses, history, assumptions, evidence }
    }

    /// Visits every cite.
    pub fn each_cite(&mut self, visit: &mut dyn FnMut(&mut Cite)) {
        for one in &mut self.bypasses {
            let faults = one.faults.iter_mut().flat_map(|fault| &mut fault.cites);
            one.cites.iter_mut().chain(cites_of(&mut one.reasons)).chain(faults).for_each(&mut *visit);
            for proposal in &mut one.instead {
                proposal.cites.iter_mut().chain(cites_of(&mut proposal.reasons)).for_each(&mut *visit);
            }
        }
    }

    /// The document as a page: an overview, then each in turn.
    pub fn sheet(&self) -> Sheet {
        let mut sections = vec![self.overview()];
        sections.extend(self.bypasses.iter().take(MAX_TOLD).map(section));
        let measured = history_blocks(&self.history);
        sections.push(Section { id: "history", title: "Measured over".to_owned(), blocks: measured });
        sections.extend(notes_section(&self.assumptions));
        sections.extend(evidence_section(&self.evidence));
        Sheet { title: "What lets mail through".to_owned(), sections }
    }

    fn overview(&self) -> Section {
        let mut blocks = Vec::new();
        if self.bypasses.is_empty() {
            let text = "No setting among the files lets mail through or takes a protection away. \
                What no file shows is not judged: `throughline sources` says how to export the rest.";
            blocks.push(Block::Text(Tone::Odd, text.to_owned()));
        } else {
            let broad = self.bypasses.iter().filter(|one| one.answer == GuardAnswer::Broad).count();
            let approved = self.bypasses.iter().filter(|one| one.approved.is_some()).count();
            let text = format!(
                "{} of letting mail through, {broad} of them broad, {approved} covered by an approval; the widest first.",
                counted(self.bypasses.len() as u64, "way")
            );
            blocks.push(Block::Text(if broad > approved { Tone::Bad } else { Tone::Plain }, text));
        }
        blocks.push(Block::Rows(self.bypasses.iter().map(line).collect()));
        Section { id: "overview", title: "Overview".to_owned(), blocks }
    }
}

/// How many are told in full; all stand in the overview and in the JSON.
const MAX_TOLD: usize = 60;

fn bypass(one: &Audited, rank: u64) -> AuditedBypass {
    let scopes: Vec<String> = one.grants.iter().map(|grant| grant.scope.to_string()).collect();
    let radius = |radius: &Radius| MeasuredScope {
        scope: scopes.join("; or "),
        ..MeasuredScope::of(&exceptions::Scope::default(), radius)
    };
    AuditedBypass {
        rank,
        product: product(&one.product),
        operation: one.step.operation.clone(),
        name: one.name.clone(),
        acts: one.acts,
        answer: one.answer.into(),
        reasons: one.reasons.iter().map(GuardReason::from).collect(),
        radius: one.radius.as_ref().map(radius),
        ends: last_end(one.grants.iter()),
        made: one.made.clone(),
        approved: one.approved.clone(),
        faults: one.faults.iter().map(BypassFault::from).collect(),
        instead: one.instead.iter().map(ProposedException::from).collect(),
        advice: one.advice.clone(),
        cites: assemble::cites(&one.cites),
        scopes,
    }
}

impl From<&Fault> for BypassFault {
    fn from(fault: &Fault) -> BypassFault {
        BypassFault {
            id: fault.id.to_owned(),
            statement: fault.statement.clone(),
            cites: assemble::cites(&fault.cites),
        }
    }
}

fn headline(one: &AuditedBypass) -> String {
    let is_named = one.operation.to_lowercase().starts_with(&one.product.to_lowercase());
    match (one.name.is_empty(), is_named) {
        (true, true) => one.operation.clone(),
        (true, false) => format!("{} ({})", one.operation, one.product),
        (false, true) => format!("{} ({})", one.name, one.operation),
        (false, false) => format!("{} ({}, {})", one.name, one.operation, one.product),
    }
}

fn line(one: &AuditedBypass) -> Row {
    let measured = one.radius.as_ref().map(|radius| format!(": {}", super::let_through(radius)));
    let faults: Vec<&str> = one.faults.iter().map(|fault| fault.id.as_str()).collect();
    let faults = if faults.is_empty() { String::new() } else { format!("; {}", faults.join(", ")) };
    let approved = match (&one.approved, one.acts) {
        (Some(_), _) => ", approved",
        (None, true) => "",
        (None, false) => ", not acting",
    };
    Row {
        tone: if one.approved.is_some() { Tone::Warn } else { tone(one.answer) },
        lead: format!("{}. {}{approved}", one.rank, word(one.answer)),
        text: format!("{}{}{faults}", headline(one), measured.unwrap_or_default()),
        records: Numbers::default().references(&one.cites),
        ..Row::default()
    }
}

fn section(one: &AuditedBypass) -> Section {
    let numbers = Numbers::default();
    let mut facts = vec![("It is".to_owned(), word(one.answer).to_owned())];
    facts.extend(one.scopes.iter().map(|scope| ("Lets through".to_owned(), scope.clone())));
    facts.extend(one.ends.iter().map(|end| ("Ends".to_owned(), shown_end(end))));
    facts.push(("Made".to_owned(), one.made.clone().unwrap_or_else(|| "no record says by whom".to_owned())));
    facts.extend(one.approved.iter().map(|approved| ("Approved".to_owned(), approved.clone())));
    if !one.acts {
        facts.push(("Acts".to_owned(), "not now, as far as the evidence shows".to_owned()));
    }
    let mut blocks = vec![Block::Facts(facts), Block::Rows(reason_rows(&one.reasons, &numbers))];
    let fault = |fault: &BypassFault| Row {
        tone: Tone::Warn,
        lead: fault.id.clone(),
        text: fault.statement.clone(),
        records: numbers.references(&fault.cites),
        ..Row::default()
    };
    blocks.push(Block::Rows(one.faults.iter().map(fault).collect()));
    if let Some(radius) = &one.radius {
        blocks.push(Block::Rows(radius_rows(std::slice::from_ref(radius))));
    }
    if let Some(advice) = &one.advice {
        blocks.push(Block::Text(Tone::Warn, advice.clone()));
    }
    for proposal in &one.instead {
        blocks.push(Block::Heading("Instead".to_owned()));
        blocks.push(Block::Text(Tone::Plain, proposal.what.clone()));
        if let Some(command) = &proposal.doing.command {
            blocks.push(Block::Commands(command.lines().map(str::to_owned).collect()));
        }
        if let Some(clicks) = &proposal.doing.clicks {
            blocks.push(Block::Text(Tone::Soft, clicks.clone()));
        }
    }
    Section { id: "bypass", title: format!("{}. {}", one.rank, headline(one)), blocks }
}

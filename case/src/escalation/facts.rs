//! The four facts without which a ticket is given to nobody: identifiers, authentication, verdict, downstream.
//!
//! A fact is in for a copy if records state it, if evidence that would show it shows nothing, or if an earlier layer provably ended the
//! way; and it is in for the ticket if it is in for every copy that the escalation is about.

use std::collections::BTreeSet;

use report::{
    Cite, Export, Fate, FindingKind, IdentifierKind, Layer, LayerState, MessageCopy, Part, Report, Standing, State,
};

use super::data;
use super::document::{EscalationFact, FactName, FactState, Fetch};

/// How many records of one fact are named.
const MAX_CITES: usize = 12;
/// How many ways to get what is missing are named.
const MAX_FETCHES: usize = 6;

/// The four facts of the copies that the escalation is about.
pub fn facts(report: &Report, concerned: &[&MessageCopy]) -> Vec<EscalationFact> {
    let names = [FactName::Identifiers, FactName::Authentication, FactName::Verdict, FactName::Downstream];
    names.into_iter().map(|name| fact(name, report, concerned)).collect()
}

/// What one copy says of a fact.
struct OfCopy {
    state: FactState,
    statement: String,
    cites: Vec<Cite>,
    missing: Vec<String>,
}

fn fact(name: FactName, report: &Report, concerned: &[&MessageCopy]) -> EscalationFact {
    let of = |copy: &&MessageCopy| match name {
        FactName::Identifiers => identifiers(copy),
        FactName::Authentication => of_layer(copy, Layer::Authentication, "authentication result"),
        FactName::Verdict => verdict(copy),
        FactName::Downstream => downstream(copy),
    };
    let all: Vec<(&MessageCopy, OfCopy)> = concerned.iter().map(|copy| (*copy, of(copy))).collect();
    if all.is_empty() {
        let missing = vec!["a copy of the message: no record in the evidence is about it".to_owned()];
        let statement = "no message was followed".to_owned();
        return EscalationFact {
            fact: name,
            state: FactState::Missing,
            statement,
            cites: vec![],
            missing,
            fetch: fetch(name, report, &[]),
        };
    }
    let missing = missing(&all);
    if !missing.is_empty() {
        let without: Vec<&MessageCopy> =
            all.iter().filter(|(_, one)| one.state == FactState::Missing).map(|(copy, _)| *copy).collect();
        let statement = all.iter().find(|(_, one)| one.state == FactState::Missing);
        let statement = statement.map_or(String::new(), |(_, one)| one.statement.clone());
        let cites = cites(all.iter().map(|(_, one)| one));
        let fetch = fetch(name, report, &without);
        return EscalationFact { fact: name, state: FactState::Missing, statement, cites, missing, fetch };
    }
    let state = all.iter().map(|(_, one)| one.state).min_by_key(|state| order(*state)).unwrap_or(FactState::Missing);
    let mut said: Vec<String> = Vec::new();
    for (copy, one) in &all {
        let told = if all.len() > 1 { format!("{}: {}", named(copy), one.statement) } else { one.statement.clone() };
        if !said.contains(&told) {
            said.push(told);
        }
    }
    let more = said.len().saturating_sub(4);
    said.truncate(4);
    if more > 0 {
        said.push(format!("and {more} more"));
    }
    let cites = cites(all.iter().map(|(_, one)| one));
    EscalationFact { fact: name, state, statement: said.join("; "), cites, missing: vec![], fetch: vec![] }
}

/// Stated by records before absent before not reached.
fn order(state: FactState) -> u8 {
    match state {
        FactState::In => 0,
        FactState::Absent => 1,
        FactState::NotReached => 2,
        FactState::Missing => 3,
    }
}

/// What is missing, each once; with its recipients where there are several copies.
fn missing(all: &[(&MessageCopy, OfCopy)]) -> Vec<String> {
    let mut missing: Vec<String> = Vec::new();
    let without = || all.iter().filter(|(_, one)| one.state == FactState::Missing);
    for (_, one) in without() {
        for what in &one.missing {
            if missing.iter().any(|known| known == what) {
                continue;
            }
            missing.push(what.clone());
        }
    }
    let count = without().count();
    if count > 0 && all.len() > 1 {
        let names: Vec<String> = without().take(3).map(|(copy, _)| named(copy)).collect();
        let more = if count > names.len() { format!(" and {} more", count - names.len()) } else { String::new() };
        missing = missing.into_iter().map(|what| format!("{what} (for {}{more})", names.join(", "))).collect();
    }
    missing
}

fn named(copy: &MessageCopy) -> String {
    match copy.envelope_recipient.as_str() {
        "" => "a recipient that no record names".to_owned(),
        recipient => recipient.to_owned(),
    }
}

fn cites<'a>(all: impl Iterator<Item = &'a OfCopy>) -> Vec<Cite> {
    let mut seen = BTreeSet::new();
    let cites = all.flat_map(|one| &one.cites).filter(|cite| seen.insert((cite.file.clone(), cite.bytes)));
    cites.take(MAX_CITES).cloned().collect()
}

/// Sender, recipient, time, and Message-ID or the service's own id, each by the first record that states it.
fn identifiers(copy: &MessageCopy) -> OfCopy {
    let part = |wanted: &[Part]| {
        let of = |wanted: &Part| copy.stated.iter().find(|part| part.part == *wanted);
        wanted.iter().find_map(of).map(|part| (shown(part.part, &part.value), part.cites.clone()))
    };
    let event = copy.timeline.first().map(|event| (event.at.to_string(), event.cites.clone()));
    let date = || part(&[Part::SentAt]).map(|(at, cites)| (format!("{at} by the sender's clock"), cites));
    let known = || copy.identifiers.iter().filter(|id| id.kind != IdentifierKind::HoldId);
    let id = known().find(|id| id.kind == IdentifierKind::MessageId).or_else(|| known().next());
    let id = id.map(|id| (id.id.clone(), id.cites.clone()));
    let found = [
        ("sender", part(&[Part::EnvelopeSender, Part::HeaderFrom])),
        ("recipient", part(&[Part::EnvelopeRecipient, Part::HeaderTo])),
        ("time", event.or_else(date)),
        ("Message-ID, or the id that the service gave it", id),
    ];
    let missing: Vec<String> =
        found.iter().filter(|(_, one)| one.is_none()).map(|(name, _)| format!("the {name}")).collect();
    let said: Vec<String> = found.iter().filter_map(|(_, one)| Some(one.as_ref()?.0.clone())).collect();
    let cites = found.into_iter().filter_map(|(_, one)| one).flat_map(|(_, cites)| cites).collect();
    let state = if missing.is_empty() { FactState::In } else { FactState::Missing };
    OfCopy { state, statement: said.join(", "), cites, missing }
}

fn shown(part: Part, value: &str) -> String {
    match (part, value) {
        (Part::EnvelopeSender, "") => "the null sender <>".to_owned(),
        (Part::HeaderFrom, from) => format!("{from} (From; no record names the envelope sender)"),
        (Part::HeaderTo, to) => format!("{to} (To; no record names the envelope recipient)"),
        _ => value.to_owned(),
    }
}

fn layer(copy: &MessageCopy, layer: Layer) -> Option<&LayerState> {
    copy.layers.iter().find(|state| state.layer == layer)
}

/// What a layer says, if that rests on records.
fn of_layer(copy: &MessageCopy, wanted: Layer, what: &str) -> OfCopy {
    let Some(layer) = layer(copy, wanted) else { return not_there(format!("no {what} is in the evidence"), what) };
    let state = match layer.state {
        State::Passed | State::Changed | State::Stopped | State::Pending | State::Conflict => FactState::In,
        State::Absent => FactState::Absent,
        State::NotReached => FactState::NotReached,
        State::NotSupplied => return not_there(layer.summary.clone(), what),
    };
    if layer.cites.is_empty() {
        return not_there(format!("{}, but no record carries that", layer.summary), what);
    }
    let statement = told(layer);
    OfCopy { state, statement, cites: layer.cites.clone(), missing: vec![] }
}

fn told(layer: &LayerState) -> String {
    let by = layer.system.as_ref().map_or(String::new(), |system| format!("{system}: "));
    match layer.state {
        State::NotReached => format!("{} not reached: {by}{}", layer.layer.word(), layer.summary),
        State::Conflict => format!("two records disagree: {by}{}", layer.summary),
        _ => format!("{by}{}", layer.summary),
    }
}

fn not_there(statement: String, what: &str) -> OfCopy {
    let missing = vec![format!("the {what}: {statement}")];
    OfCopy { state: FactState::Missing, statement, cites: vec![], missing }
}

/// What a filter concluded; where its own layer is silent, a record of a hold or of the cause that names the verdict.
fn verdict(copy: &MessageCopy) -> OfCopy {
    let own = of_layer(copy, Layer::Verdict, "verdict");
    if own.state != FactState::Missing {
        return own;
    }
    let of_verdict = copy.cause.as_ref().filter(|cause| matches!(cause.layer, Layer::Verdict | Layer::Authentication));
    match of_verdict.filter(|cause| !cause.cites.is_empty()) {
        Some(cause) => OfCopy {
            state: FactState::In,
            statement: cause.statement.clone(),
            cites: cause.cites.clone(),
            missing: vec![],
        },
        None => own,
    }
}

/// What the next system or the mailbox says, or the reply that refused the copy. A hand-over alone is none of these.
fn downstream(copy: &MessageCopy) -> OfCopy {
    let what = "next system's or the mailbox's own record, or the reply that refused it";
    let of = |wanted| layer(copy, wanted).filter(|layer| !layer.cites.is_empty());
    let is_stated = |layer: &&LayerState| {
        matches!(layer.state, State::Passed | State::Changed | State::Stopped | State::Pending | State::Conflict)
    };
    if let Some(mailbox) = of(Layer::Mailbox).filter(is_stated) {
        let cites = of(Layer::Delivery).filter(is_stated).into_iter().flat_map(|delivery| delivery.cites.clone());
        let cites = mailbox.cites.iter().cloned().chain(cites).collect();
        return OfCopy { state: FactState::In, statement: told(mailbox), cites, missing: vec![] };
    }
    if let Some(delivery) = of(Layer::Delivery) {
        let state = match delivery.state {
            State::NotReached => Some(FactState::NotReached),
            State::Absent => Some(FactState::Absent),
            State::NotSupplied => None,
            // A relay is no delivery: what became of the copy has to be shown.
            State::Passed if copy.fate == Fate::Unknown => None,
            // Handed over, and no answer yet: nobody downstream has said anything.
            State::Pending if copy.fate != Fate::Deferred => None,
            _ => Some(FactState::In),
        };
        if let Some(state) = state {
            return OfCopy { state, statement: told(delivery), cites: delivery.cites.clone(), missing: vec![] };
        }
    }
    let refused = copy
        .replies
        .iter()
        .find(|reply| !reply.cites.is_empty() && matches!(copy.fate, Fate::Rejected | Fate::Bounced | Fate::Deferred));
    if let Some(reply) = refused {
        let statement = format!("{} answered: {}", reply.from, reply.said);
        return OfCopy { state: FactState::In, statement, cites: reply.cites.clone(), missing: vec![] };
    }
    let statement = layer(copy, Layer::Delivery)
        .map_or_else(|| "no record shows what came after".to_owned(), |delivery| delivery.summary.clone());
    let cites = of(Layer::Delivery).map_or_else(Vec::new, |delivery| delivery.cites.clone());
    OfCopy { cites, ..not_there(statement, what) }
}

/// How to get a fact that is missing for some copies: the exports that findings about its layers ask for, with the ticket's own values;
/// else those that the systems on the way offer.
fn fetch(name: FactName, report: &Report, without: &[&MessageCopy]) -> Vec<Fetch> {
    let layers: &[Layer] = match name {
        FactName::Identifiers => &[Layer::Arrival],
        FactName::Authentication => &[Layer::Authentication],
        FactName::Verdict => &[Layer::Verdict, Layer::Quarantine],
        FactName::Downstream => &[Layer::Delivery, Layer::Release],
    };
    let is_open = |finding: &&report::Finding| {
        (finding.kind == FindingKind::Gap || finding.standing == Standing::NotShown) && layers.contains(&finding.layer)
    };
    let asked = report.findings.iter().filter(is_open).flat_map(|finding| finding.ask_for.iter().cloned());
    let mut wanted: Vec<String> = Vec::new();
    for source in asked.chain(by_systems(name, without)) {
        if !wanted.contains(&source) {
            wanted.push(source);
        }
    }
    wanted.iter().filter_map(|source| way(source, report)).take(MAX_FETCHES).collect()
}

/// What shows a fact by the systems that the copies went through.
fn by_systems(name: FactName, without: &[&MessageCopy]) -> Vec<String> {
    let systems = without.iter().flat_map(|copy| copy.timeline.iter().map(|event| event.system.as_str()));
    let vendors: Vec<&data::VendorEntry> = systems.filter_map(data::vendor).collect();
    let of =
        |list: fn(&data::VendorEntry) -> &Vec<String>| vendors.iter().flat_map(|vendor| list(vendor).clone()).collect();
    match name {
        // What was refused at the door leaves its Message-ID in the sender's notice alone.
        FactName::Identifiers if without.iter().any(|copy| copy.fate == Fate::Rejected) => {
            vec!["message/bounce".to_owned(), "message/eml".to_owned()]
        }
        FactName::Identifiers => vec!["message/eml".to_owned(), "exchange-online/message-trace".to_owned()],
        FactName::Authentication => vec!["message/eml".to_owned()],
        FactName::Verdict => {
            let of: Vec<String> = of(|vendor| &vendor.verdict);
            if of.is_empty() { vec!["message/eml".to_owned()] } else { of }
        }
        FactName::Downstream => {
            let of: Vec<String> = of(|vendor| &vendor.downstream);
            if of.is_empty() {
                vec!["message/bounce".to_owned(), "exchange-online/message-trace".to_owned()]
            } else {
                of
            }
        }
    }
}

/// How to get one kind of export, by a next step that gives it, else by its description.
fn way(source: &str, report: &Report) -> Option<Fetch> {
    let step = report.next_steps.iter().find(|step| step.fetches.as_deref() == Some(source));
    let export: Option<Export> = report
        .exports
        .iter()
        .find(|export| export.source == source)
        .cloned()
        .or_else(|| report::export(source, &report.message));
    let export = export?;
    let command = step.and_then(|step| step.command.clone()).or(export.command);
    let clicks = step.and_then(|step| step.r#where.clone()).or(export.clicks);
    Some(Fetch { source: Some(export.source), title: export.title, command, clicks })
}

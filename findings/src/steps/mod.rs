//! What to do next, for tier 1 and tier 2: the checks that are still open, in the order of the mission, then what to do about
//! the cause.
//!
//! `checklist` says which checks stand open and which are done, by the states of the layers of each copy; `advice` what to do
//! about a cause; `fill` puts the ticket's values into a command. Fetching an export is part of the check that needs it.

mod advice;
mod checklist;
pub mod fill;

use std::collections::{BTreeSet, HashMap};

use evidence::{Address, Cite, Layer, Product, SourceId, System};
use jiff::{SignedDuration, Timestamp};
use lake::Entry;

use self::checklist::{CHECKLIST, Check, CheckId, How, Shared, Stand, Standings, how, is_named, product_of};
use crate::{Answer, Checked, Command, Finding, NextStep, Scene, Standing};

/// What is still open, each once, and what was already checked.
pub(crate) fn of(scene: &Scene<'_>, findings: &[Finding], answers: &[Answer]) -> (Vec<NextStep>, Vec<Checked>) {
    let shared = Shared::of(scene, findings);
    let mut list = List { scene, findings, open: Vec::new(), done: Vec::new(), places: HashMap::new() };
    if scene.copies.is_empty() {
        list.nothing_is_known(shared.sample);
    }
    for (copy, answer) in scene.copies.iter().zip(answers) {
        let standings = Standings::of(scene, copy, answer, &shared);
        for check in &CHECKLIST.check {
            match standings.stand(check.id) {
                Stand::Open(system) => list.open(check, system, &copy.copy.envelope_recipient),
                Stand::Done(said, cites) => list.done(check, said, cites, &copy.copy.envelope_recipient),
                Stand::Idle => {}
            }
        }
    }
    list.each_recipient_once();
    let values = Values::of(scene);
    let mut steps: Vec<(usize, NextStep)> =
        list.open.iter().map(|open| (place_in_order(open.check.id), open.step(&list, &values))).collect();
    for finding in findings {
        list.asked(finding, &values, &mut steps);
    }
    for (order, step) in advice::of(scene, findings, &values) {
        add(&mut steps, CHECKLIST.check.len() + order, step);
    }
    if steps.is_empty() {
        let line =
            "Nothing is left to do for delivery: ask the user to search all folders for the subject and the sender";
        steps.push((0, NextStep { tier: 1, step: line.to_owned(), ..NextStep::default() }));
    }
    steps.sort_by_key(|(order, step)| (step.tier, *order));
    (steps.into_iter().map(|(_, step)| step).collect(), list.done)
}

fn place_in_order(id: CheckId) -> usize {
    CHECKLIST.check.iter().position(|check| check.id == id).unwrap_or(CHECKLIST.check.len())
}

/// A check that is to be done in one system, for some recipients.
struct Open {
    check: &'static Check,
    system: Option<Product>,
    recipients: Vec<Address>,
}

/// The checks as they stand, over all copies.
struct List<'a> {
    scene: &'a Scene<'a>,
    findings: &'a [Finding],
    open: Vec<Open>,
    done: Vec<Checked>,
    /// Where a check with its words and records stands in `done`.
    places: HashMap<(&'static str, String, Vec<Cite>), usize>,
}

/// How many records of one check are shown.
const MAX_CITES: usize = 4;

impl List<'_> {
    fn open(&mut self, check: &'static Check, system: Option<Product>, recipient: &Address) {
        let named = Some(recipient).filter(|recipient| !recipient.is_null());
        match self.open.iter_mut().find(|open| open.check.id == check.id && open.system == system) {
            Some(open) => open.recipients.extend(named.cloned()),
            None => self.open.push(Open { check, system, recipients: named.into_iter().cloned().collect() }),
        }
    }

    /// A message that was sent twice has two copies for one recipient.
    fn each_recipient_once(&mut self) {
        for open in &mut self.open {
            let mut seen = BTreeSet::new();
            open.recipients.retain(|recipient| seen.insert(recipient.clone()));
        }
    }

    fn done(&mut self, check: &'static Check, said: String, cites: Vec<Cite>, recipient: &Address) {
        let cites: Vec<Cite> = cites.into_iter().take(MAX_CITES).collect();
        let next = self.done.len();
        let place = *self.places.entry((&check.done, said.clone(), cites.clone())).or_insert(next);
        if place == next {
            let layer = check.layer;
            self.done.push(Checked { check: &check.done, layer, envelope_recipients: Vec::new(), said, cites });
        }
        self.done[place].envelope_recipients.push(recipient.clone());
    }

    /// No record speaks of the message: where it may be kept back, whether the address is right, what it looks like.
    fn nothing_is_known(&mut self, sample: Option<&Entry>) {
        let evidence = self.scene.lake.supplied().iter().filter_map(|file| file.source.and_then(product_of)).next();
        let recipient = self.scene.lake.asked_recipients().next().cloned().unwrap_or_else(|| Address::new(""));
        for check in &CHECKLIST.check {
            match check.id {
                CheckId::Quarantine | CheckId::Address => self.open(check, evidence.clone(), &recipient),
                CheckId::Headers => match sample {
                    Some(entry) => {
                        let cite = entry.observation.cite.clone();
                        self.done(check, format!("{} was supplied", cite.file), vec![cite], &recipient);
                    }
                    None => self.open(check, None, &recipient),
                },
                _ => {}
            }
        }
    }

    /// The exports that a finding asks for belong to the check that they serve.
    fn asked(&self, finding: &Finding, values: &Values, steps: &mut Vec<(usize, NextStep)>) {
        for source in &finding.ask_for {
            // The headers are there; what else the evidence cannot show, the same file cannot show either.
            let has_sample = self.scene.lake.supplied().iter().any(|file| {
                file.error.is_none()
                    && file.source.is_some_and(|source| ["message/eml", "message/msg"].contains(&source))
            });
            if *source == "message/eml" && has_sample && finding.id.starts_with("not-shown/") {
                continue;
            }
            let same = |known: SourceId| known == *source || trace::is_sample(known) && trace::is_sample(source);
            if let Some((_, known)) = steps.iter_mut().find(|(_, step)| step.fetches.is_some_and(same)) {
                if !known.because.contains(&finding.id) {
                    known.because.push(finding.id.clone());
                }
                continue;
            }
            let Some((check, way)) = serving(source, finding) else { continue };
            let system = product_of(source).filter(|product| is_named(product, self.scene));
            // What stands behind a gateway is the next system, and no vendor's, until the evidence names it.
            if system.is_none() && finding.layer == Layer::Delivery && !trace::is_sample(source) {
                let downstream = steps.iter_mut().find(|(_, step)| step.layer == Some(Layer::Delivery));
                if let Some((_, step)) = downstream.filter(|(_, step)| !step.because.contains(&finding.id)) {
                    step.because.push(finding.id.clone());
                }
                if steps.iter().any(|(_, step)| step.because.contains(&finding.id)) {
                    continue;
                }
            }
            let recipients: Vec<Address> = finding.envelope_recipient.clone().into_iter().collect();
            let open = Open { check, system: product_of(source), recipients };
            let title = sources::source(source).map_or((*source).to_owned(), |source| source.title().to_owned());
            let step = match way {
                Some(way) if way.check == check.id => open.text(self.scene),
                _ => format!("Fetch the {title} ({source}) and run again: it would settle {}", finding.id),
            };
            let step = NextStep {
                tier: check.tier,
                step,
                because: vec![finding.id.clone()],
                fetches: Some(source),
                layer: Some(check.layer),
                place: way.and_then(|way| open.place(way, values)),
                command: way.and_then(|way| open.command(way, values)),
                check: Some(&check.done),
            };
            steps.push((place_in_order(check.id), step));
        }
    }
}

/// The check that an export serves for a finding, and how it is fetched if the checklist says so.
fn serving(source: SourceId, finding: &Finding) -> Option<(&'static Check, Option<&'static How>)> {
    let check = |id: CheckId| CHECKLIST.check.iter().find(|check| check.id == id);
    let ways = || CHECKLIST.how.iter().filter(|how| how.fetches.as_deref() == Some(source));
    let is_near = |how: &&How| check(how.check).is_some_and(|check| check.layer == finding.layer);
    let near = ways().find(is_near);
    let id = match near {
        _ if trace::is_sample(source) => CheckId::Headers,
        Some(way) => way.check,
        None => CheckId::of_layer(finding.layer),
    };
    Some((check(id)?, near.or_else(|| ways().next())))
}

impl Open {
    fn step(&self, list: &List<'_>, values: &Values) -> NextStep {
        let way = how(self.check.id, self.system.as_ref());
        let fetches = way.and_then(|way| way.fetches.as_deref()).and_then(sources::source).map(|source| source.id());
        NextStep {
            tier: self.check.tier,
            step: self.text(list.scene),
            because: self.because(list.findings),
            fetches,
            layer: Some(self.check.layer),
            command: way.and_then(|way| self.command(way, values)),
            place: way.and_then(|way| self.place(way, values)),
            check: Some(&self.check.done),
        }
    }

    /// The findings that leave the check open.
    fn because(&self, findings: &[Finding]) -> Vec<String> {
        let recipients: BTreeSet<&Address> = self.recipients.iter().collect();
        let concerns = |finding: &&Finding| {
            let own = finding.envelope_recipient.as_ref().is_none_or(|to| recipients.contains(to));
            own && finding.layer == self.check.layer
                && matches!(finding.standing, Standing::NotShown | Standing::Likely)
        };
        let mut ids: Vec<String> = Vec::new();
        for finding in findings.iter().filter(concerns) {
            if !ids.contains(&finding.id) {
                ids.push(finding.id.clone());
            }
        }
        ids
    }

    fn text(&self, scene: &Scene<'_>) -> String {
        let system = match &self.system {
            Some(product) => System::of(product.clone()).to_string(),
            None => "the gateway and of the mail service".to_owned(),
        };
        let named = match self.recipients.as_slice() {
            [] => None,
            [one] => Some(one.to_string()),
            [first, rest @ ..] => Some(format!("{first} and {} more", rest.len())),
        };
        let whom =
            named.clone().filter(|_| scene.copies.len() > 1).map_or(String::new(), |named| format!(" for {named}"));
        let mailbox =
            named.clone().map_or("the recipient's mailbox".to_owned(), |named| format!("the mailbox of {named}"));
        let address = named.map_or("the recipient's address".to_owned(), |named| format!("the address {named}"));
        let value = |place: &str| match place {
            "system" => Some(system.clone()),
            "whom" => Some(whom.clone()),
            "mailbox" => Some(mailbox.clone()),
            "address" => Some(address.clone()),
            _ => None,
        };
        fill::sentence(&self.check.step, &value).unwrap_or_else(|| self.check.step.clone())
    }

    /// The command: for one recipient, or without a recipient where it can do without; else for the first.
    fn command(&self, way: &How, values: &Values) -> Option<Command> {
        let (template, shell) = way.command.as_deref().zip(way.shell)?;
        let text = self.filled(&|value| fill::command(template, shell, value), values)?;
        Some(Command { text, shell: shell.id() })
    }

    fn place(&self, way: &How, values: &Values) -> Option<String> {
        let template = way.place.as_deref()?;
        self.filled(&|value| fill::words(template, value), values)
    }

    fn filled(&self, fill: &dyn Fn(&ValueOf<'_>) -> Option<String>, values: &Values) -> Option<String> {
        let of = |recipient: Option<&Address>| {
            fill(&|place| match place {
                "recipient" => recipient.map(|to| to.as_str().to_owned()),
                place => values.get(place),
            })
        };
        match self.recipients.as_slice() {
            [] => of(None),
            [one] => of(Some(one)),
            [first, ..] => of(None).or_else(|| of(Some(first))),
        }
    }
}

/// Gives the value of a place.
type ValueOf<'v> = dyn Fn(&str) -> Option<String> + 'v;

/// What a ticket's message is looked for by.
pub(crate) struct Values(Vec<(&'static str, Option<String>)>);

impl Values {
    fn of(scene: &Scene<'_>) -> Values {
        let facts = &scene.trace.message;
        let sender = facts.envelope_sender.as_ref().filter(|sender| !sender.is_null()).or(facts.header_from.as_ref());
        let sender = sender.or_else(|| scene.lake.asked_senders().find(|sender| !sender.is_null()));
        let author = facts.header_from.as_ref().or(sender);
        let window = window(scene);
        let instant = |at: Option<Timestamp>| at.map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        let journal = |at: Option<Timestamp>| at.map(|at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
        let (start, end) = (window.map(|(start, _)| start), window.map(|(_, end)| end));
        let before = start.and_then(|start| start.checked_sub(SignedDuration::from_hours(30 * 24)).ok());
        Values(vec![
            ("message_id", facts.message_id.clone()),
            ("<message_id>", facts.message_id.as_ref().map(|id| format!("<{id}>"))),
            ("network_message_id", facts.network_message_ids.first().cloned()),
            ("sender", sender.map(|sender| sender.as_str().to_owned())),
            ("dmarc_name", author.and_then(Address::domain).map(|domain| format!("_dmarc.{domain}"))),
            ("sample", facts.sample.as_ref().map(ToString::to_string)),
            ("start", instant(start)),
            ("end", instant(end)),
            ("start_utc", journal(start)),
            ("end_utc", journal(end)),
            ("before", instant(before)),
        ])
    }

    fn get(&self, place: &str) -> Option<String> {
        self.0.iter().find(|(name, _)| *name == place).and_then(|(_, value)| value.clone())
    }
}

/// From a day before the first to a day after the last record of the message; no longer than a message trace takes.
fn window(scene: &Scene<'_>) -> Option<(Timestamp, Timestamp)> {
    const DAY: SignedDuration = SignedDuration::from_hours(24);
    const LONGEST: SignedDuration = SignedDuration::from_hours(10 * 24);
    let stations = scene.copies.iter().flat_map(|copy| &copy.copy.stations);
    let mut told: Vec<Timestamp> = stations.flat_map(|station| &station.events).filter_map(trace::Event::at).collect();
    if told.is_empty() {
        told.extend(scene.trace.message.sent_at.as_ref().map(|when| when.at).or(scene.lake.around()));
    }
    let (first, last) = (*told.iter().min()?, *told.iter().max()?);
    let end = last.checked_add(DAY).ok()?;
    let start = first.checked_sub(DAY).ok()?.max(end.checked_sub(LONGEST).ok()?);
    Some((start, end))
}

fn add(steps: &mut Vec<(usize, NextStep)>, order: usize, step: NextStep) {
    let same = |(_, known): &&mut (usize, NextStep)| known.tier == step.tier && known.step == step.step;
    match steps.iter_mut().find(same) {
        Some((_, known)) => {
            let new: Vec<String> = step.because.into_iter().filter(|id| !known.because.contains(id)).collect();
            known.because.extend(new);
        }
        None => steps.push((order, step)),
    }
}

#[cfg(test)]
mod tests;

//! What `throughline compare` shows: two copies layer by layer, and the first layer at which they part.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use layers::part::{self, Pair, Parting, Side, Statement};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::assemble::{self, Answered};
use crate::document::{Cite, Export, Fate, Layer, Message, State};
use crate::sheet::{Block, Cell, PairLine, Pairs, Row, Section, Sheet, Tone};
use crate::text::counted;
use crate::view;

/// The name and version of the document's form.
pub const COMPARE_SCHEMA: &str = "throughline.compare.v1";

/// Where a blocked and a delivered message part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Always `throughline.compare.v1`.
    pub schema: String,
    /// The blocked copy.
    pub blocked: ComparedSide,
    /// The delivered copy; null if none was given and none was found.
    pub delivered: Option<ComparedSide>,
    /// How the delivered message was picked from the records; null if it was given.
    pub picked: Option<Picked>,
    /// The first layer at which the two part; null if none is shown.
    pub parted_at: Option<Layer>,
    /// How well that stands.
    pub standing: PartingStanding,
    /// That in a sentence or two.
    pub because: String,
    /// The seven layers in order.
    pub layers: Vec<ComparedLayer>,
    /// What to bear in mind: other recipients, other days, a fate that is not what it was given as; one sentence each.
    pub cautions: Vec<String>,
    /// How to get each export that would show what could not be compared.
    pub exports: Vec<Export>,
    /// What was read from every file.
    pub evidence: Vec<ComparedFile>,
    /// What was assumed because a record is silent, such as a zone or a year; one sentence each.
    pub assumptions: Vec<String>,
}

/// One of the two copies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedSide {
    /// Who and what the message is.
    pub message: Message,
    /// For whom the compared copy is; null if no record speaks of the message.
    pub envelope_recipient: Option<String>,
    /// Recipients of the message's other copies.
    pub other_recipients: Vec<String>,
    /// What became of the copy; null if no record speaks of it.
    pub fate: Option<Fate>,
    /// The layer whose doing explains the fate, as `follow` says; null if it is simply in the inbox, or if not shown.
    pub changed_layer: Option<Layer>,
    /// Why, in one sentence.
    pub because: Option<String>,
    /// When the copy was first seen.
    pub at: Option<Timestamp>,
}

/// How the delivered message was picked from the records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Picked {
    /// What it shares with the blocked one; null if none was found.
    pub kinship: Option<Kinship>,
    /// Why that one, or why none, in one sentence.
    pub because: String,
    /// Others that a record says were delivered, the next best first; they were not followed.
    pub runners_up: Vec<RunnerUp>,
    /// Files that were not searched, because they are too large.
    pub not_searched: Vec<String>,
}

/// What two messages share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kinship {
    /// They are one message, for two recipients.
    SameMessage,
    /// Envelope sender or author.
    SameSender,
    /// The sender's domain.
    SameDomain,
    /// A policy or rule that decided over both.
    SamePolicy,
    /// The recipient.
    SameRecipient,
}

/// Another message that could have been picked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunnerUp {
    /// Its Message-ID without angle brackets.
    pub message_id: String,
    /// Its sender.
    pub sender: Option<String>,
    /// When it was first seen.
    pub at: Option<Timestamp>,
    /// What it shares with the blocked one, in words.
    pub because: String,
    /// A file that speaks of it.
    pub file: String,
}

/// How well the first difference stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartingStanding {
    /// Every layer before it could be compared.
    Shown,
    /// It is the first one shown; an earlier layer could not be compared.
    EarlierMayBeHidden,
    /// No layer is shown to part the two.
    NotShown,
}

/// How two things compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Likeness {
    /// Both sides state the same.
    Equal,
    /// They differ in something worth saying that by itself parts nothing.
    Differs,
    /// They part here.
    Parted,
    /// The evidence does not allow to say.
    NotCompared,
}

/// One layer, both sides beside each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedLayer {
    /// Which layer.
    pub layer: Layer,
    /// How the two compare.
    pub comparison: Likeness,
    /// What it did with the blocked copy; null if no record speaks of the message.
    pub blocked_state: Option<State>,
    /// What it did with the delivered copy.
    pub delivered_state: Option<State>,
    /// What both sides' records state.
    pub facts: Vec<ComparedFact>,
    /// Why it could not be compared; null if it could.
    pub why: Option<String>,
    /// Kinds of export that would show it, each explained in [`Comparison::exports`].
    pub ask_for: Vec<String>,
}

/// One topic at one layer, both sides beside each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedFact {
    /// What it is about: `outcome` (what the layer did), `entered_at`, `client_address`, `connector`, `helo`, `tls`, `reply`,
    /// `spf`, `dkim`, `dmarc`, `arc`, `compauth`, `verdict`, `action`, `policy`, `reason`, `release_step`, `next_hop`, `route`,
    /// `folder`, `rule`, `after_delivery`, `forward`.
    pub about: String,
    /// Who speaks; null where the layer as a whole is meant.
    pub system: Option<String>,
    /// How the two compare.
    pub comparison: Likeness,
    /// What is stated of the blocked copy; null if nothing is.
    pub blocked: Option<Stated>,
    /// What is stated of the delivered copy; null if nothing is.
    pub delivered: Option<Stated>,
    /// Why it could not be compared; null if it could.
    pub why: Option<String>,
}

/// What records state, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stated {
    /// In words.
    pub said: String,
    /// The records.
    pub cites: Vec<Cite>,
}

/// What was read from one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedFile {
    /// Relative path, `archive.zip/inner` within an archive.
    pub file: String,
    /// Hex; null for a file that was not opened, and for one over 64 MiB unless `--hash-all` was given.
    pub sha256: Option<String>,
    /// The kind; null if nobody recognises the file.
    pub source: Option<String>,
    /// How many rows the file has.
    pub rows: u64,
    /// Rows that say something about the blocked message.
    pub of_blocked: u64,
    /// Rows that say something about the delivered message.
    pub of_delivered: u64,
    /// Rows that could not be read.
    pub problems: u64,
    /// Earliest instant of any row.
    pub from: Option<Timestamp>,
    /// Latest instant of any row.
    pub to: Option<Timestamp>,
    /// What the file cannot show.
    pub limits: Vec<String>,
    /// Why nothing could be read from it; null if it was read.
    pub error: Option<String>,
}

/// All that a comparison rests on.
#[derive(Clone, Copy)]
pub struct Sides<'a> {
    /// All that was found out about the blocked message.
    pub blocked: &'a Answered<'a>,
    /// The same of the delivered one; `None` if there is none.
    pub delivered: Option<&'a Answered<'a>>,
    /// How the delivered one was picked; `None` if it was given.
    pub picked: Option<&'a Picked>,
}

/// Two messages this far apart may have met other settings.
const SAME_SETTINGS: SignedDuration = SignedDuration::from_hours(24);

impl Comparison {
    /// Compares two messages. `sha256` gives the hash of a file, if it is known.
    pub fn of(sides: &Sides<'_>, sha256: impl Fn(&str) -> Option<String>) -> Comparison {
        let Sides { blocked, delivered, picked } = *sides;
        let pair = delivered.and_then(|delivered| part::choose(blocked.copies, delivered.copies));
        let (one, other) = match pair {
            Some((one, other)) => (Some(one), Some(other)),
            None => (part::blocked_copy(blocked.copies), None),
        };
        let of_blocked = one.and_then(|at| side(blocked, at));
        let of_delivered = delivered.zip(other).and_then(|(delivered, at)| side(delivered, at));
        let parting = match (&of_blocked, &of_delivered) {
            (Some(one), Some(other)) => part::compare(one, other),
            _ => part::nothing_to_compare(missing(sides)),
        };
        let mut layers: Vec<ComparedLayer> =
            parting.layers.iter().map(|one| layer(one, of_blocked.as_ref(), of_delivered.as_ref())).collect();
        if of_delivered.is_none() {
            ask_for_a_delivered_one(&mut layers, of_blocked.as_ref());
        }
        let exports = exports(&layers, blocked, delivered.filter(|_| of_delivered.is_some()));
        let told_blocked = told_side(blocked, one);
        let told_delivered = delivered.map(|delivered| told_side(delivered, other));
        let mut assumptions = assemble::assumptions(blocked.lake, &[]);
        assumptions.extend(delivered.map(|one| assemble::assumptions(one.lake, &[])).unwrap_or_default());
        assumptions.sort();
        assumptions.dedup();
        Comparison {
            schema: COMPARE_SCHEMA.to_owned(),
            cautions: cautions(&told_blocked, told_delivered.as_ref()),
            because: because(&parting, &layers, &told_blocked, told_delivered.as_ref()),
            blocked: told_blocked,
            delivered: told_delivered,
            picked: picked.cloned(),
            parted_at: parting.parted_at.map(Layer::from),
            standing: match parting.standing {
                part::Standing::Shown => PartingStanding::Shown,
                part::Standing::EarlierMayBeHidden => PartingStanding::EarlierMayBeHidden,
                part::Standing::NotShown => PartingStanding::NotShown,
            },
            exports,
            layers,
            evidence: evidence(blocked, delivered, &sha256),
            assumptions,
        }
    }

    /// Visits every cite.
    pub fn each_cite(&mut self, visit: &mut dyn FnMut(&mut Cite)) {
        for fact in self.layers.iter_mut().flat_map(|layer| &mut layer.facts) {
            let stated = fact.blocked.iter_mut().chain(&mut fact.delivered);
            stated.flat_map(|stated| &mut stated.cites).for_each(&mut *visit);
        }
    }
}

/// One copy of an answer, as the comparison takes it.
pub(crate) fn side<'a>(answered: &Answered<'a>, at: usize) -> Option<Side<'a>> {
    let stages = &answered.found.answers.get(at)?.stages;
    Some(Side { copy: answered.copies.get(at)?, stages, lake: answered.lake, trusted: answered.trusted })
}

/// How to get what is asked for, for the message of which a layer is not shown.
fn exports(layers: &[ComparedLayer], blocked: &Answered<'_>, delivered: Option<&Answered<'_>>) -> Vec<Export> {
    let is_silent = |state: Option<State>| state == Some(State::NotSupplied);
    let asked = |of: fn(&ComparedLayer) -> Option<State>, other: fn(&ComparedLayer) -> Option<State>| {
        // What no side lacks alone, such as a way out of a contradiction, is asked for the blocked message.
        layers.iter().filter(move |layer| is_silent(of(layer)) || !is_silent(other(layer)))
    };
    let names = |layer: &ComparedLayer| layer.ask_for.clone();
    let for_blocked: Vec<String> =
        asked(|layer| layer.blocked_state, |layer| layer.delivered_state).flat_map(names).collect();
    let mut exports = assemble::exports_of(for_blocked.iter().map(String::as_str), blocked.trace);
    let Some(delivered) = delivered else { return exports };
    let silent = layers.iter().filter(|layer| is_silent(layer.delivered_state));
    let for_delivered: Vec<String> = silent.flat_map(names).collect();
    let others = assemble::exports_of(for_delivered.iter().map(String::as_str), delivered.trace);
    let known = |one: &Export, all: &[Export]| all.iter().any(|other| other == one);
    let (shared, only): (Vec<Export>, Vec<Export>) = others.into_iter().partition(|one| known(one, &exports));
    for export in exports.iter_mut().filter(|one| !known(one, &shared)) {
        export.title.push_str(", for the blocked message");
    }
    exports.extend(
        only.into_iter()
            .map(|export| Export { title: format!("{}, for the delivered message", export.title), ..export }),
    );
    exports
}

/// Why there are no two copies.
fn missing(sides: &Sides<'_>) -> &'static str {
    match sides.delivered {
        _ if sides.blocked.copies.is_empty() => "no record speaks of the blocked message",
        None => "there is no delivered message to compare with",
        Some(delivered) if delivered.copies.is_empty() => "no record speaks of the delivered message",
        Some(_) => "both sides are one and the same copy",
    }
}

/// Without a delivered message the records of the systems that handled the blocked one would show one, over a longer time.
fn ask_for_a_delivered_one(layers: &mut [ComparedLayer], blocked: Option<&Side<'_>>) {
    let stays = blocked.map_or(&[][..], |side| &side.copy.stays);
    let logs: BTreeSet<&str> = stays
        .iter()
        .flat_map(|stay| layers::exports::logs_of(&stay.station.system.product).iter().copied().take(1))
        .collect();
    if let Some(delivery) = layers.iter_mut().find(|layer| layer.layer == Layer::Delivery) {
        delivery.ask_for = logs.into_iter().map(str::to_owned).collect();
        if delivery.ask_for.is_empty() {
            delivery.ask_for.push("message/eml".to_owned());
        }
    }
}

fn layer(compared: &part::Compared, blocked: Option<&Side<'_>>, delivered: Option<&Side<'_>>) -> ComparedLayer {
    let state = |side: Option<&Side<'_>>| {
        let stage = side?.stages.iter().find(|stage| stage.layer == compared.layer)?;
        Some(assemble::state(stage.state))
    };
    ComparedLayer {
        layer: compared.layer.into(),
        comparison: likeness(compared.likeness),
        blocked_state: state(blocked),
        delivered_state: state(delivered),
        facts: compared.pairs.iter().map(fact).collect(),
        why: compared.why.clone(),
        ask_for: compared.ask_for.iter().map(|source| (*source).to_owned()).collect(),
    }
}

fn fact(pair: &Pair) -> ComparedFact {
    let stated =
        |statement: &Statement| Stated { said: statement.said.clone(), cites: assemble::cites(&statement.cites) };
    ComparedFact {
        about: pair.about.id().to_owned(),
        system: pair.speaker.clone(),
        comparison: likeness(pair.likeness),
        blocked: pair.blocked.as_ref().map(stated),
        delivered: pair.delivered.as_ref().map(stated),
        why: pair.why.clone(),
    }
}

fn likeness(likeness: part::Likeness) -> Likeness {
    match likeness {
        part::Likeness::Equal => Likeness::Equal,
        part::Likeness::Differs => Likeness::Differs,
        part::Likeness::Parted => Likeness::Parted,
        part::Likeness::NotCompared => Likeness::NotCompared,
    }
}

fn told_side(answered: &Answered<'_>, at: Option<usize>) -> ComparedSide {
    let message = assemble::message(answered.trace);
    let Some((at, copy)) = at.and_then(|at| Some((at, answered.copies.get(at)?))) else {
        return ComparedSide { message, ..ComparedSide::default() };
    };
    let others = answered.copies.iter().enumerate().filter(|(other, _)| *other != at);
    let mut other_recipients: Vec<String> =
        others.map(|(_, copy)| copy.copy.envelope_recipient.as_str().to_owned()).collect();
    other_recipients.sort();
    let answer = answered.found.answers.get(at);
    ComparedSide {
        message,
        envelope_recipient: Some(copy.copy.envelope_recipient.as_str().to_owned()),
        other_recipients,
        fate: Some(assemble::fate(copy.fate)),
        changed_layer: answer.and_then(|answer| answer.changed_layer).map(Layer::from),
        because: answer.map(|answer| answer.because.clone()),
        at: side(answered, at).and_then(|side| side.start()),
    }
}

fn cautions(blocked: &ComparedSide, delivered: Option<&ComparedSide>) -> Vec<String> {
    let mut cautions = Vec::new();
    if blocked.fate == Some(Fate::Delivered) {
        cautions.push("The records show the copy that was given as blocked as delivered.".to_owned());
    }
    let Some(delivered) = delivered else { return cautions };
    match delivered.fate {
        None | Some(Fate::Delivered) => {}
        Some(Fate::Unknown) => {
            cautions.push("The records do not show whether the other copy was delivered.".to_owned());
        }
        Some(fate) => cautions.push(format!("The records show the other copy as {}, not as delivered.", fate.word())),
    }
    if let (Some(one), Some(other)) = (&blocked.envelope_recipient, &delivered.envelope_recipient)
        && one != other
    {
        cautions.push(format!(
            "The two are for different recipients ({one}, {other}): what is set for one recipient may differ for that alone."
        ));
    }
    let (one, other) = (&blocked.message, &delivered.message);
    let author = [(&one.header_from, &other.header_from), (&one.envelope_sender, &other.envelope_sender)];
    if author.iter().find(|(one, other)| one.is_some() && other.is_some()).is_some_and(|(one, other)| one != other) {
        cautions
            .push("The two are from different authors: what rests on the sender may differ for that alone.".to_owned());
    }
    if let Some(apart) = blocked.at.zip(delivered.at).map(|(one, other)| other.duration_since(one).abs())
        && apart > SAME_SETTINGS
    {
        cautions.push(format!(
            "The two are {} apart: settings may have changed between them; an audit log of that time would show it.",
            view::span(apart)
        ));
    }
    for (name, side) in [("blocked", blocked), ("delivered", delivered)] {
        if !side.other_recipients.is_empty() {
            cautions.push(format!(
                "The {name} message has {} ({}); --recipient and --delivered-recipient choose.",
                counted(side.other_recipients.len() as u64, "more recipient"),
                side.other_recipients.join(", ")
            ));
        }
    }
    cautions.dedup();
    cautions
}

/// The answer in a sentence or two.
fn because(
    parting: &Parting,
    layers: &[ComparedLayer],
    blocked: &ComparedSide,
    delivered: Option<&ComparedSide>,
) -> String {
    let unknown: Vec<&str> = layers
        .iter()
        .filter(|layer| layer.comparison == Likeness::NotCompared)
        .filter(|layer| parting.parted_at.is_none_or(|at| layer.layer < Layer::from(at)))
        .map(|layer| layer.layer.word())
        .collect();
    let Some(at) = parting.parted_at.map(Layer::from) else {
        let is_whole = blocked.fate.is_some() && delivered.is_some_and(|side| side.fate.is_some());
        return match (is_whole, unknown.as_slice()) {
            (false, _) => {
                let why = layers.first().and_then(|layer| layer.why.clone()).unwrap_or_default();
                format!("Not shown: {why}.")
            }
            (true, []) => "Nothing parts them: both were treated alike at every layer.".to_owned(),
            (true, layers) => format!(
                "Not shown: they were treated alike wherever they could be compared; {} could not be.",
                layers.join(", ")
            ),
        };
    };
    let parted = layers.iter().find(|layer| layer.layer == at).map_or(&[][..], |layer| &layer.facts);
    let telling = |fact: &&ComparedFact| fact.comparison == Likeness::Parted && fact.about != "outcome";
    let fact = parted.iter().find(telling).or_else(|| parted.iter().find(|fact| fact.about == "outcome"));
    let said = |stated: &Option<Stated>| stated.as_ref().map_or("nothing", |stated| &stated.said).to_owned();
    let what = fact.map_or(String::new(), |fact| {
        format!("{}: blocked \"{}\", delivered \"{}\"", name(fact), said(&fact.blocked), said(&fact.delivered))
    });
    match parting.standing {
        part::Standing::EarlierMayBeHidden => format!(
            "The first difference shown is at {} ({what}). An earlier one may be hidden: {} could not be compared.",
            at.word(),
            unknown.join(", ")
        ),
        _ => format!("They part at {} ({what}).", at.word()),
    }
}

/// A fact's name for people.
fn name(fact: &ComparedFact) -> String {
    let about = match fact.about.as_str() {
        "outcome" => "what it did".to_owned(),
        other => other.replace('_', " "),
    };
    fact.system.as_ref().map_or(about.clone(), |system| format!("{about} ({system})"))
}

fn evidence(
    blocked: &Answered<'_>,
    delivered: Option<&Answered<'_>>,
    sha256: &impl Fn(&str) -> Option<String>,
) -> Vec<ComparedFile> {
    let of_delivered = |file: &str| {
        let supplied = delivered?.lake.supplied().iter().find(|other| *other.file == *file)?;
        Some(supplied.observed)
    };
    let files = blocked.lake.supplied().iter().map(|file| (file, assemble::evidence_file(file, &[], sha256)));
    files
        .map(|(file, told)| ComparedFile {
            of_delivered: of_delivered(&file.file).unwrap_or(0),
            of_blocked: told.observed,
            file: told.file,
            sha256: told.sha256,
            source: told.source,
            rows: told.rows,
            problems: told.problems,
            from: told.from,
            to: told.to,
            limits: told.limits,
            error: told.error,
        })
        .collect()
}

impl Comparison {
    /// What is shown.
    pub fn sheet(&self) -> Sheet {
        let mut sections = vec![self.compared(), self.picture()];
        sections.extend(self.deciding());
        sections.extend(self.besides());
        sections.extend(self.alike());
        sections.extend(self.not_compared());
        sections.extend(self.fetch());
        sections.extend(self.in_mind());
        sections.push(self.files());
        let title = self.blocked.message.subject.as_deref().unwrap_or("one message");
        Sheet { title: format!("Blocked and delivered: {title}"), sections }
    }

    fn compared(&self) -> Section {
        let mut blocks = vec![Block::Text(Tone::Bad, "Blocked".to_owned()), Block::Facts(side_facts(&self.blocked))];
        let how = match (&self.picked, &self.delivered) {
            (Some(_), Some(_)) => "Delivered (picked from the records)",
            (_, None) => "Delivered: none found",
            (None, Some(_)) => "Delivered",
        };
        blocks.push(Block::Text(Tone::Good, how.to_owned()));
        if let Some(delivered) = &self.delivered {
            blocks.push(Block::Facts(side_facts(delivered)));
        }
        if let Some(picked) = &self.picked {
            blocks.push(Block::Text(Tone::Plain, picked.because.clone()));
            let row = |other: &RunnerUp| Row {
                tone: Tone::Soft,
                lead: other.at.map_or("no time".to_owned(), view::instant),
                text: format!("<{}> {}", other.message_id, other.because),
                notes: vec![other.file.clone()],
                ..Row::default()
            };
            if !picked.runners_up.is_empty() {
                blocks.push(Block::Text(Tone::Soft, "Next best (name one with --delivered-message-id):".to_owned()));
                blocks.push(Block::Rows(picked.runners_up.iter().map(row).collect()));
            }
        }
        Section { id: "compared", title: "What is compared".to_owned(), blocks }
    }

    fn picture(&self) -> Section {
        let cell = |state: Option<State>| match state {
            Some(state) => Cell { tone: tone(state), sign: view::sign(state), text: state.word().to_owned() },
            None => Cell { tone: Tone::Odd, sign: '?', text: "no record".to_owned() },
        };
        let line = |layer: &ComparedLayer| {
            let (between, means) = sign(layer.comparison);
            let mark = match self.standing {
                _ if self.parted_at != Some(layer.layer) => None,
                PartingStanding::EarlierMayBeHidden => Some("first difference shown"),
                _ => Some("they part here"),
            };
            PairLine {
                label: layer.layer.word().to_owned(),
                left: cell(layer.blocked_state),
                between,
                means: means.to_owned(),
                right: cell(layer.delivered_state),
                mark: mark.map(str::to_owned),
            }
        };
        let lines = self.layers.iter().map(line).collect();
        let two = Pairs { left: "blocked".to_owned(), right: "delivered".to_owned(), lines };
        let blocks = vec![
            Block::Pairs(two),
            Block::Text(
                Tone::Soft,
                "= equal · ~ differs, parts nothing · ≠ parted · ? could not be compared".to_owned(),
            ),
            Block::Text(Tone::Plain, self.because.clone()),
        ];
        Section { id: "parting", title: "Where they part".to_owned(), blocks }
    }

    /// The facts of the layer at which they part, and what there is stated of one side only.
    fn deciding(&self) -> Option<Section> {
        let parted = self.layers.iter().find(|layer| Some(layer.layer) == self.parted_at)?;
        let mut shown = Vec::new();
        let both = parted.facts.iter().filter(|fact| fact.comparison == Likeness::Parted);
        let one = parted.facts.iter().filter(|fact| fact.comparison == Likeness::NotCompared);
        let blocks = both.chain(one).flat_map(|fact| beside(fact, parted.layer, &mut shown)).collect();
        Some(Section { id: "deciding", title: format!("What differs at {}", parted.layer.word()), blocks })
    }

    /// What differs without parting them, and what followed.
    fn besides(&self) -> Option<Section> {
        let mut blocks = Vec::new();
        let mut shown = Vec::new();
        for layer in &self.layers {
            let is_there = Some(layer.layer) == self.parted_at;
            let facts = layer.facts.iter().filter(|fact| match fact.comparison {
                Likeness::Differs => true,
                Likeness::Parted => !is_there,
                _ => false,
            });
            blocks.extend(facts.flat_map(|fact| beside(fact, layer.layer, &mut shown)));
        }
        let title =
            if self.parted_at.is_some() { "What differs besides, and what followed" } else { "What differs besides" };
        (!blocks.is_empty()).then(|| Section { id: "besides", title: title.to_owned(), blocks })
    }

    fn alike(&self) -> Option<Section> {
        let row = |(layer, fact): (&ComparedLayer, &ComparedFact)| {
            let said = match layer.blocked_state.filter(|_| fact.about == "outcome") {
                Some(state) => format!("both {}", state.word()),
                None => fact.blocked.as_ref().map_or(String::new(), |stated| stated.said.clone()),
            };
            let text = if fact.about == "outcome" { said } else { format!("{}: {said}", name(fact)) };
            let places = places(fact.blocked.iter().chain(&fact.delivered));
            let notes = if places.is_empty() { Vec::new() } else { vec![places] };
            Row { tone: Tone::Good, lead: layer.layer.word().to_owned(), text, notes, ..Row::default() }
        };
        let facts = self.layers.iter().flat_map(|layer| layer.facts.iter().map(move |fact| (layer, fact)));
        let rows: Vec<Row> = facts.filter(|(_, fact)| fact.comparison == Likeness::Equal).map(row).collect();
        (!rows.is_empty()).then(|| Section {
            id: "equal",
            title: "What was equal".to_owned(),
            blocks: vec![Block::Rows(rows)],
        })
    }

    fn not_compared(&self) -> Option<Section> {
        let mut rows: Vec<Row> = Vec::new();
        for layer in &self.layers {
            if let Some(why) = &layer.why {
                let asked =
                    (!layer.ask_for.is_empty()).then(|| format!("would be shown by: {}", layer.ask_for.join(", ")));
                let lead = layer.layer.word().to_owned();
                match rows.iter_mut().find(|row| row.tone == Tone::Odd && row.text == *why) {
                    Some(row) => {
                        row.lead = format!("{}, {lead}", row.lead);
                        row.notes.extend(asked.filter(|asked| !row.notes.contains(asked)));
                    }
                    None => {
                        let notes = asked.into_iter().collect();
                        rows.push(Row { tone: Tone::Odd, lead, text: why.clone(), notes, ..Row::default() });
                    }
                }
            }
            // Where a layer did different things, what is stated of one side only adds nothing; at the first it stands there.
            let is_parted = layer.comparison == Likeness::Parted;
            let open = layer.facts.iter().filter(|fact| !is_parted && fact.comparison == Likeness::NotCompared);
            rows.extend(open.map(|fact| {
                let stated = || fact.blocked.iter().chain(&fact.delivered);
                let said: Vec<&str> = stated().map(|stated| stated.said.as_str()).collect();
                let why = fact.why.as_deref().unwrap_or("not stated");
                let place = places(stated());
                Row {
                    tone: Tone::Soft,
                    lead: layer.layer.word().to_owned(),
                    text: format!("{}: {why}: {}", name(fact), said.join(" / ")),
                    notes: if place.is_empty() { Vec::new() } else { vec![place] },
                    ..Row::default()
                }
            }));
        }
        (!rows.is_empty()).then(|| Section {
            id: "not-compared",
            title: "What could not be compared".to_owned(),
            blocks: vec![Block::Rows(rows)],
        })
    }

    fn fetch(&self) -> Option<Section> {
        let mut blocks = Vec::new();
        for export in &self.exports {
            let row = Row { lead: export.source.clone(), text: export.title.clone(), ..Row::default() };
            let notes = export.clicks.iter().cloned().collect();
            blocks.push(Block::Rows(vec![Row { notes, ..row }]));
            blocks.extend(export.command.as_ref().map(|command| Block::Commands(vec![command.clone()])));
        }
        (!blocks.is_empty()).then(|| Section { id: "fetch", title: "What to fetch".to_owned(), blocks })
    }

    fn in_mind(&self) -> Option<Section> {
        let row = |tone: Tone| move |text: &String| Row { tone, text: text.clone(), ..Row::default() };
        let not_searched = self.picked.iter().flat_map(|picked| &picked.not_searched);
        let not_searched: Vec<String> =
            not_searched.map(|file| format!("{file} is too large to be searched for a delivered message")).collect();
        let rows: Vec<Row> = self
            .cautions
            .iter()
            .map(row(Tone::Warn))
            .chain(not_searched.iter().map(row(Tone::Odd)))
            .chain(self.assumptions.iter().map(row(Tone::Soft)))
            .collect();
        (!rows.is_empty()).then(|| Section {
            id: "in-mind",
            title: "To bear in mind".to_owned(),
            blocks: vec![Block::Rows(rows)],
        })
    }

    fn files(&self) -> Section {
        let row = |file: &ComparedFile| {
            let mut notes = Vec::new();
            notes.extend(file.error.clone());
            notes.extend(file.limits.iter().map(|limit| format!("cannot show: {limit}")));
            Row {
                tone: if file.error.is_some() { Tone::Bad } else { Tone::Plain },
                lead: file.file.clone(),
                text: format!(
                    "{}: {}, {} of the blocked message, {} of the delivered one",
                    file.source.as_deref().unwrap_or("not recognised"),
                    counted(file.rows, "row"),
                    file.of_blocked,
                    file.of_delivered
                ),
                notes,
                ..Row::default()
            }
        };
        let blocks = vec![Block::Rows(self.evidence.iter().map(row).collect())];
        Section { id: "evidence", title: "Evidence".to_owned(), blocks }
    }
}

fn side_facts(side: &ComparedSide) -> Vec<(String, String)> {
    let message = &side.message;
    let said = |value: &Option<String>| value.clone().unwrap_or_else(|| "not stated".to_owned());
    let mut facts = vec![("Subject".to_owned(), said(&message.subject))];
    facts.push(("From".to_owned(), said(&message.header_from.clone().or(message.envelope_sender.clone()))));
    facts.push(("For".to_owned(), said(&side.envelope_recipient)));
    facts.extend(message.message_id.as_ref().map(|id| ("Message-ID".to_owned(), format!("<{id}>"))));
    facts.extend(side.at.map(|at| ("First seen".to_owned(), view::instant(at))));
    facts.extend(message.sample.as_ref().map(|sample| ("Sample".to_owned(), sample.clone())));
    let changed = side.changed_layer.map_or(String::new(), |layer| format!(", changed at {}", layer.word()));
    let fate = side.fate.map_or("no record speaks of it".to_owned(), |fate| format!("{}{changed}", fate.word()));
    facts.push(("Fate".to_owned(), fate));
    facts
}

/// A fact with what is stated on both sides, one under the other. `shown` holds the places of which the words stand above.
fn beside(fact: &ComparedFact, layer: Layer, shown: &mut Vec<String>) -> Vec<Block> {
    let parts = fact.comparison == Likeness::Parted;
    let mut row = |who: &str, tone: Tone, stated: &Option<Stated>| {
        let stated = stated.as_ref();
        let places = places(stated.into_iter());
        let first = stated.and_then(|stated| stated.cites.first()).filter(|cite| !shown.contains(&cite.place()));
        let raw = first.map(words);
        shown.extend(first.map(Cite::place));
        Row {
            tone: if parts { tone } else { Tone::Plain },
            lead: who.to_owned(),
            text: stated.map_or("nothing is stated".to_owned(), |stated| stated.said.clone()),
            notes: if places.is_empty() { Vec::new() } else { vec![places] },
            raw,
            ..Row::default()
        }
    };
    let rows = vec![row("blocked", Tone::Bad, &fact.blocked), row("delivered", Tone::Good, &fact.delivered)];
    vec![Block::Text(Tone::Plain, format!("{}: {}", layer.word(), name(fact))), Block::Rows(rows)]
}

/// The record's own words, around the part that says it.
fn words(cite: &Cite) -> String {
    match &cite.excerpt {
        Some(around) => format!("{}{}{}", around.before, around.marked, around.after),
        None => cite.said.clone(),
    }
}

/// Where statements are written; a few places stand for many.
fn places<'s>(stated: impl Iterator<Item = &'s Stated>) -> String {
    const SHOWN: usize = 4;
    let mut places: Vec<String> = Vec::new();
    for cite in stated.flat_map(|stated| &stated.cites) {
        let place = cite.place();
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let more = places.len().saturating_sub(SHOWN);
    places.truncate(SHOWN);
    let more = if more > 0 { format!(" (+{more} more)") } else { String::new() };
    format!("{}{more}", places.join(", "))
}

fn sign(likeness: Likeness) -> (char, &'static str) {
    match likeness {
        Likeness::Equal => ('=', "equal"),
        Likeness::Differs => ('~', "differs, parts nothing"),
        Likeness::Parted => ('≠', "parted"),
        Likeness::NotCompared => ('?', "could not be compared"),
    }
}

fn tone(state: State) -> Tone {
    match state {
        State::Passed => Tone::Good,
        State::Changed | State::Pending => Tone::Warn,
        State::Stopped => Tone::Bad,
        State::Conflict => Tone::Odd,
        State::NotReached | State::Absent | State::NotSupplied => Tone::Soft,
    }
}

//! Where a blocked and a delivered message part: layer by layer, what both sides' records state.
//!
//! [`compare`] lays the statements of two copies side by side (`statements`), and says of each layer whether the two were
//! treated alike, differently, or whether that could not be compared. What a layer without evidence did is never "equal" and
//! never "parted". [`choose`] and [`lookalikes`] (`pick`) find the copies that are worth comparing.

mod pick;
mod statements;

use evidence::{Cite, Layer, Product, SourceId, System};
use jiff::Timestamp;
use lake::Lake;

use crate::{Explained, Stage, State, exports};
use statements::Spoken;

pub use pick::{Kinship, Lookalike, blocked_copy, choose, lookalikes, mailbox_distance};

/// One copy with all that is known of it.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// The copy.
    pub copy: &'a Explained<'a>,
    /// Its seven stages, in line with the cause.
    pub stages: &'a [Stage],
    /// What was supplied and stated.
    pub lake: &'a Lake,
    /// Names of hosts or domains that the user calls ours.
    pub trusted: &'a [String],
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The copy that was blocked.
    Blocked,
    /// The copy that was delivered.
    Delivered,
}

/// How two things compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// Both sides state the same.
    Equal,
    /// They differ in something worth saying that by itself parts nothing, such as the client's address.
    Differs,
    /// They part here.
    Parted,
    /// The evidence does not allow to say.
    NotCompared,
}

/// What a statement is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// What the layer did.
    Outcome,
    /// The first of our systems that has a record of it.
    EnteredAt,
    /// Who delivered it.
    ClientAddress,
    /// The connector, listener or route through which it came in.
    Connector,
    /// The name by which the client called itself.
    Helo,
    /// Encryption of the transfer.
    Tls,
    /// The answer given, by its codes.
    Reply,
    /// An SPF result.
    Spf,
    /// The DKIM results.
    Dkim,
    /// A DMARC result.
    Dmarc,
    /// An ARC result.
    Arc,
    /// A composite result.
    CompAuth,
    /// What a filter concluded.
    Verdict,
    /// What was done about it.
    Action,
    /// The policy or rule that decided.
    Policy,
    /// The reason given for a hold.
    Reason,
    /// How far a release got.
    ReleaseStep,
    /// To whom it was handed.
    NextHop,
    /// The route by which it was handed on.
    Route,
    /// The folder that it was put into.
    Folder,
    /// What chose the folder.
    Rule,
    /// What was done after delivery.
    AfterDelivery,
    /// To where it was sent on.
    Forward,
}

impl Topic {
    /// The topic's name in documents.
    pub fn id(self) -> &'static str {
        match self {
            Topic::Outcome => "outcome",
            Topic::EnteredAt => "entered_at",
            Topic::ClientAddress => "client_address",
            Topic::Connector => "connector",
            Topic::Helo => "helo",
            Topic::Tls => "tls",
            Topic::Reply => "reply",
            Topic::Spf => "spf",
            Topic::Dkim => "dkim",
            Topic::Dmarc => "dmarc",
            Topic::Arc => "arc",
            Topic::CompAuth => "compauth",
            Topic::Verdict => "verdict",
            Topic::Action => "action",
            Topic::Policy => "policy",
            Topic::Reason => "reason",
            Topic::ReleaseStep => "release_step",
            Topic::NextHop => "next_hop",
            Topic::Route => "route",
            Topic::Folder => "folder",
            Topic::Rule => "rule",
            Topic::AfterDelivery => "after_delivery",
            Topic::Forward => "forward",
        }
    }

    /// Whether it is a conclusion of a filter, of which one copy may meet several.
    fn is_of_a_filter(self) -> bool {
        matches!(self, Topic::Verdict | Topic::Action | Topic::Policy)
    }

    /// Whether a difference parts the two by itself. A sender's pool has many addresses and every one of them may be fine:
    /// where the address matters, SPF or a verdict says so as well.
    fn parts(self) -> bool {
        !matches!(
            self,
            Topic::ClientAddress
                | Topic::Helo
                | Topic::Tls
                | Topic::Reply
                | Topic::Arc
                | Topic::Reason
                | Topic::NextHop
                | Topic::Route
        )
    }
}

/// What one side's records state of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// In words.
    pub said: String,
    /// Where that is written.
    pub cites: Vec<Cite>,
}

/// One topic at one layer, both sides beside each other.
#[derive(Clone, Debug)]
pub struct Pair {
    /// What it is about.
    pub about: Topic,
    /// Who speaks; `None` where the layer as a whole is meant.
    pub speaker: Option<String>,
    /// How the two compare.
    pub likeness: Likeness,
    /// What is stated of the blocked copy.
    pub blocked: Option<Statement>,
    /// What is stated of the delivered copy.
    pub delivered: Option<Statement>,
    /// Why it could not be compared, if so.
    pub why: Option<String>,
}

/// One layer, both sides beside each other.
#[derive(Clone, Debug)]
pub struct Compared {
    /// Which layer.
    pub layer: Layer,
    /// How the two compare.
    pub likeness: Likeness,
    /// The statements.
    pub pairs: Vec<Pair>,
    /// Why it could not be compared, if so.
    pub why: Option<String>,
    /// The exports that would show what could not be compared.
    pub ask_for: Vec<SourceId>,
    /// Whether a difference may be hidden here: not where both ways provably ended before.
    pub may_hide: bool,
}

/// How well the first difference stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Every layer before it could be compared.
    Shown,
    /// It is the first one shown; an earlier layer could not be compared.
    EarlierMayBeHidden,
    /// No layer is shown to part the two.
    NotShown,
}

/// The comparison of two copies.
#[derive(Clone, Debug)]
pub struct Parting {
    /// The seven layers in order.
    pub layers: Vec<Compared>,
    /// The first layer at which the two part.
    pub parted_at: Option<Layer>,
    /// How well that stands.
    pub standing: Standing,
}

/// Compares two copies layer by layer.
pub fn compare(blocked: &Side<'_>, delivered: &Side<'_>) -> Parting {
    Parting::of(Layer::ALL.map(|layer| at_layer(layer, blocked, delivered)).to_vec())
}

/// The comparison that is left where one side has no copy: nothing could be compared, for one reason.
pub fn nothing_to_compare(why: &str) -> Parting {
    let compared = |layer| Compared {
        layer,
        likeness: Likeness::NotCompared,
        pairs: Vec::new(),
        why: Some(why.to_owned()),
        ask_for: Vec::new(),
        may_hide: true,
    };
    Parting::of(Layer::ALL.map(compared).to_vec())
}

impl Parting {
    fn of(layers: Vec<Compared>) -> Parting {
        let first = layers.iter().position(|one| one.likeness == Likeness::Parted);
        let standing = match first {
            None => Standing::NotShown,
            Some(at) if layers[..at].iter().any(|one| one.may_hide) => Standing::EarlierMayBeHidden,
            Some(_) => Standing::Shown,
        };
        Parting { parted_at: first.map(|at| layers[at].layer), standing, layers }
    }
}

impl Which {
    fn copy(self) -> &'static str {
        match self {
            Which::Blocked => "the blocked copy",
            Which::Delivered => "the delivered copy",
        }
    }
}

impl Side<'_> {
    fn stage(&self, layer: Layer) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.layer == layer)
    }

    /// When the copy was first seen.
    pub fn start(&self) -> Option<Timestamp> {
        self.copy.stays.iter().filter_map(|stay| stay.start()).min().or(self.lake.around())
    }
}

fn at_layer(layer: Layer, blocked: &Side<'_>, delivered: &Side<'_>) -> Compared {
    let mut pairs = paired(&statements::of(layer, blocked, delivered), &statements::of(layer, delivered, blocked));
    if layer == Layer::Arrival {
        pairs.extend(entry(blocked, delivered));
    }
    let (Some(one), Some(other)) = (blocked.stage(layer), delivered.stage(layer)) else {
        return not_compared(layer, pairs, "the layer was not looked at".to_owned(), Vec::new());
    };
    if let Some((why, ask_for)) = cannot_compare(layer, (blocked, one), (delivered, other)) {
        let neither_got_there = one.state == State::NotReached && other.state == State::NotReached;
        let compared = not_compared(layer, pairs, why, ask_for);
        return Compared { may_hide: !neither_got_there, ..compared };
    }
    let outcome = outcome(layer, one, other);
    if outcome.likeness == Likeness::Parted {
        // Where the layer did different things, whatever differs beside that is a reason that it may have had.
        for pair in pairs.iter_mut().filter(|pair| pair.likeness == Likeness::Differs) {
            pair.likeness = Likeness::Parted;
        }
    } else if let Some(why) = other_speakers(&pairs) {
        return not_compared(layer, pairs, why, Vec::new());
    }
    pairs.insert(0, outcome);
    let has = |likeness| pairs.iter().any(|pair| pair.likeness == likeness);
    let likeness = match (has(Likeness::Parted), has(Likeness::Differs)) {
        (true, _) => Likeness::Parted,
        (false, true) => Likeness::Differs,
        (false, false) => Likeness::Equal,
    };
    Compared { layer, likeness, pairs, why: None, ask_for: Vec::new(), may_hide: false }
}

/// A layer that could not be compared: single statements may still differ, but they part nothing.
fn not_compared(layer: Layer, mut pairs: Vec<Pair>, why: String, ask_for: Vec<SourceId>) -> Compared {
    for pair in pairs.iter_mut().filter(|pair| pair.likeness == Likeness::Parted) {
        pair.likeness = Likeness::Differs;
    }
    Compared { layer, likeness: Likeness::NotCompared, pairs, why: Some(why), ask_for, may_hide: true }
}

/// Why a layer cannot be compared, and which exports would help.
fn cannot_compare(
    layer: Layer,
    blocked: (&Side<'_>, &Stage),
    delivered: (&Side<'_>, &Stage),
) -> Option<(String, Vec<SourceId>)> {
    let sides = [(Which::Blocked, blocked.0, blocked.1), (Which::Delivered, delivered.0, delivered.1)];
    let silent: Vec<_> = sides.iter().filter(|(.., stage)| stage.state == State::NotSupplied).collect();
    if !silent.is_empty() {
        let why: Vec<String> = silent.iter().map(|(which, side, stage)| not_supplied(*which, side, stage)).collect();
        let mut ask_for: Vec<SourceId> = silent.iter().flat_map(|(.., stage)| stage.ask_for.iter().copied()).collect();
        ask_for.sort_unstable();
        ask_for.dedup();
        return Some((why.join("; "), ask_for));
    }
    let ended: Vec<&str> =
        sides.iter().filter(|(.., stage)| stage.state == State::NotReached).map(|(which, ..)| which.copy()).collect();
    match ended.as_slice() {
        [] => {}
        [one] => return Some((format!("{one} did not get there"), Vec::new())),
        _ => return Some(("neither copy got there".to_owned(), Vec::new())),
    }
    // Two systems may state different authentication results and both be right: those are compared speaker by speaker.
    let torn = sides.iter().find(|(.., stage)| stage.state == State::Conflict && layer != Layer::Authentication)?;
    Some((format!("the records of {} disagree: {}", torn.0.copy(), torn.2.summary), torn.2.ask_for.clone()))
}

/// What is missing on one side: an export that was not supplied, or one that covers another time.
fn not_supplied(which: Which, side: &Side<'_>, stage: &Stage) -> String {
    let short = side.start().and_then(|at| {
        let elsewhere = |source: &&SourceId| side.lake.has(source) && !side.lake.would_show(source, at);
        let source = stage.ask_for.iter().find(elsewhere)?;
        let files = side.lake.supplied().iter().filter(|file| file.source == Some(source) && file.error.is_none());
        let spans: Vec<String> =
            files.filter_map(|file| Some(format!("{} to {}", file.coverage.from?, file.coverage.to?))).collect();
        (!spans.is_empty()).then(|| format!("{source} covers {}, and this copy went at {at}", spans.join(", ")))
    });
    let short = short.map_or(String::new(), |short| format!(" ({short})"));
    format!("{}: {}{short}", which.copy(), stage.summary)
}

/// What the layer did, both sides beside each other.
fn outcome(layer: Layer, blocked: &Stage, delivered: &Stage) -> Pair {
    let likeness =
        if doing(layer, blocked.state) == doing(layer, delivered.state) { Likeness::Equal } else { Likeness::Parted };
    let statement = |stage: &Stage| Some(Statement { said: stage.summary.clone(), cites: stage.cites.clone() });
    Pair {
        about: Topic::Outcome,
        speaker: None,
        likeness,
        blocked: statement(blocked),
        delivered: statement(delivered),
        why: None,
    }
}

/// What a layer did, as far as it is compared: what was held is held, whether or not it was let go later.
fn doing(layer: Layer, state: State) -> State {
    match (layer, state) {
        (Layer::Quarantine, State::Stopped) => State::Changed,
        // Two systems that disagree let it go on all the same.
        (Layer::Authentication, State::Conflict) => State::Passed,
        (_, state) => state,
    }
}

/// Both sides' statements by topic and speaker, in the order of the topics.
fn paired(blocked: &[Spoken], delivered: &[Spoken]) -> Vec<Pair> {
    let mut keys: Vec<(Topic, &str)> =
        blocked.iter().chain(delivered).map(|one| (one.about, one.speaker.as_str())).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter()
        .map(|(about, speaker)| {
            let of = |all: &[Spoken]| -> Vec<Spoken> {
                all.iter().filter(|one| one.about == about && one.speaker == speaker).cloned().collect()
            };
            let (one, other) = (of(blocked), of(delivered));
            let (likeness, why) = likeness(about, &one, &other);
            Pair {
                about,
                speaker: Some(speaker.to_owned()),
                likeness,
                blocked: statements::told(&one),
                delivered: statements::told(&other),
                why,
            }
        })
        .collect()
}

fn likeness(about: Topic, blocked: &[Spoken], delivered: &[Spoken]) -> (Likeness, Option<String>) {
    let only = match (blocked.is_empty(), delivered.is_empty()) {
        (false, true) => Some(Which::Blocked),
        (true, false) => Some(Which::Delivered),
        _ => None,
    };
    if let Some(which) = only {
        return (Likeness::NotCompared, Some(format!("stated of {} only", which.copy())));
    }
    let (one, other) = (statements::keys(about, blocked), statements::keys(about, delivered));
    if one != other {
        // Two that share a verdict are not parted by a further one, such as that of a second pass after a release.
        let goes_further = about.is_of_a_filter() && (one.is_subset(&other) || other.is_subset(&one));
        return (if about.parts() && !goes_further { Likeness::Parted } else { Likeness::Differs }, None);
    }
    let is_same = statements::details(blocked) == statements::details(delivered);
    (if is_same { Likeness::Equal } else { Likeness::Differs }, None)
}

/// Why nothing of a layer could be compared although both sides state something: not one system speaks of both.
fn other_speakers(pairs: &[Pair]) -> Option<String> {
    let of = |which: Which| -> Vec<&str> {
        let mut speakers: Vec<&str> = pairs
            .iter()
            .filter(|pair| match which {
                Which::Blocked => pair.blocked.is_some(),
                Which::Delivered => pair.delivered.is_some(),
            })
            .filter_map(|pair| pair.speaker.as_deref())
            .collect();
        speakers.sort_unstable();
        speakers.dedup();
        speakers
    };
    let (blocked, delivered) = (of(Which::Blocked), of(Which::Delivered));
    let is_shared = pairs.iter().any(|pair| pair.likeness != Likeness::NotCompared);
    (!blocked.is_empty() && !delivered.is_empty() && !is_shared).then(|| {
        format!(
            "different systems speak: {} of the blocked copy, {} of the delivered copy",
            blocked.join(", "),
            delivered.join(", ")
        )
    })
}

/// The first of our systems that each copy came to. That one side's records begin later proves no other way, unless the log
/// of the system that is missing there covers the time.
fn entry(blocked: &Side<'_>, delivered: &Side<'_>) -> Option<Pair> {
    let (one, other) = (statements::entry(blocked)?, statements::entry(delivered)?);
    let name = |product: &Product| System::of(product.clone()).to_string();
    let (first, second) = (&one.station.system.product, &other.station.system.product);
    let statement = |stay: &crate::Stay<'_>| {
        let cites = crate::cites(stay.station.events.iter().filter(|event| !trace::is_sample(event.source)).take(1));
        Some(Statement { said: name(&stay.station.system.product), cites })
    };
    let (likeness, why) = if first == second {
        (Likeness::Equal, None)
    } else if provably_not_through(first, delivered) || provably_not_through(second, blocked) {
        (Likeness::Parted, None)
    } else {
        let why = "the records of the two begin at different systems; no log that covers both times shows another way";
        (Likeness::NotCompared, Some(why.to_owned()))
    };
    Some(Pair {
        about: Topic::EnteredAt,
        speaker: None,
        likeness,
        blocked: statement(one),
        delivered: statement(other),
        why,
    })
}

/// Whether a product's own log covers the time of a copy and shows nothing of it.
fn provably_not_through(product: &Product, side: &Side<'_>) -> bool {
    let has_record = side.copy.stays.iter().any(|stay| stay.is(product) && crate::fate::has_own_record(stay));
    let covers = |log: &&SourceId| side.start().is_some_and(|at| crate::would_show(side.lake, side.copy.copy, log, at));
    !has_record && exports::logs_of(product).iter().any(|log| covers(&log))
}

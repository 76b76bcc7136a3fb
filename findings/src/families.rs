//! The six families weighed for one copy: which explains its fate, which a record refutes, which the evidence cannot show.
//!
//! A family is refuted only by a record of its own: that another one explains the fate is no record against it. A copy that lies in the
//! inbox has no fate to explain, and nothing is weighed.

use evidence::{AuthMethod, AuthResult, Cite, Fact, Layer, Outcome, SourceId, VerdictKind};
use lake::Lake;
use layers::{Explained, Fate, Stage, State, Stay};
use trace::Event;

use crate::{Answer, Claim, Standing};

/// How one family of causes stands for a copy.
#[derive(Clone, Debug)]
pub struct Weighed {
    /// The family.
    pub family: &'static str,
    /// How it stands.
    pub standing: Standing,
    /// Why, in one sentence.
    pub statement: String,
    /// The records that carry it; never empty unless not shown.
    pub cites: Vec<Cite>,
    /// Exports that would settle it.
    pub ask_for: Vec<SourceId>,
}

/// A record against a family: what it says, and where.
type Against = (String, Vec<Cite>);

/// What is to be fetched where nothing speaks for or against a family.
#[derive(Clone, Copy)]
enum Asks {
    /// What the layer itself lacks.
    Stage,
    /// The rules and policies of the system that decided.
    Settings,
    /// What its filter concluded.
    Verdict,
}

/// A family: its name, the layer at which it would show, what speaks against it, and what is asked for.
struct Family {
    name: &'static str,
    layer: Layer,
    against: fn(&Explained<'_>, &Answer) -> Option<Against>,
    asks: Asks,
}

/// The families in the order of the contract.
const FAMILIES: [Family; 6] = [
    Family {
        name: "policy-scope-or-order",
        layer: Layer::Verdict,
        against: ended_before_the_verdict,
        asks: Asks::Settings,
    },
    Family {
        name: "authentication-alignment",
        layer: Layer::Authentication,
        against: authentication_passed,
        asks: Asks::Stage,
    },
    Family { name: "content-verdict", layer: Layer::Verdict, against: found_clean, asks: Asks::Verdict },
    Family { name: "connector-routing", layer: Layer::Delivery, against: was_taken, asks: Asks::Stage },
    Family { name: "release-handoff", layer: Layer::Release, against: never_let_go, asks: Asks::Stage },
    Family { name: "mailbox-rule", layer: Layer::Mailbox, against: never_in_a_mailbox, asks: Asks::Stage },
];

/// Weighs the families for a copy, the proved one first; nothing for a copy that simply arrived.
pub(crate) fn weigh(copy: &Explained<'_>, answer: &Answer, claims: &[Claim], lake: &Lake) -> Vec<Weighed> {
    if copy.fate == Fate::Delivered || copy.decided_at.is_none() {
        return Vec::new();
    }
    let mut weighed: Vec<Weighed> = FAMILIES.iter().map(|family| stand(family, copy, answer, claims, lake)).collect();
    weighed.sort_by_key(|one| one.standing);
    weighed
}

impl Family {
    /// Whether a stage shows something by records that bears on the family: results of a check, or what a filter concluded.
    fn is_told_by(&self, stage: &Stage) -> bool {
        let has_acted = matches!(stage.state, State::Changed | State::Stopped | State::Pending | State::Conflict);
        let is_told = match self.asks {
            Asks::Stage => self.layer == Layer::Authentication && (has_acted || stage.state == State::Passed),
            Asks::Verdict => has_acted,
            Asks::Settings => false,
        };
        is_told && !stage.cites.is_empty()
    }
}

fn stand(family: &Family, copy: &Explained<'_>, answer: &Answer, claims: &[Claim], lake: &Lake) -> Weighed {
    let of_family = |claim: &&Claim| claim.id.split_once('/').is_some_and(|(name, _)| name == family.name);
    let weighed =
        |standing, statement, cites, ask_for| Weighed { family: family.name, standing, statement, cites, ask_for };
    let told = |claim: &Claim| {
        let specific = claim.id.split_once('/').map_or("", |(_, specific)| specific);
        weighed(claim.standing, format!("{specific}: {}", claim.statement), claim.cites.clone(), claim.ask_for.clone())
    };
    let claim = claims.iter().filter(of_family).min_by_key(|claim| claim.standing);
    if let Some(claim) = claim.filter(|claim| claim.is_shown()) {
        return told(claim);
    }
    if let Some((statement, cites)) = (family.against)(copy, answer).filter(|(_, cites)| !cites.is_empty()) {
        return weighed(Standing::Refuted, statement, cites, Vec::new());
    }
    if let Some(claim) = claim {
        return told(claim);
    }
    let open = stage(answer, family.layer)
        .filter(|stage| matches!(stage.state, State::NotSupplied | State::Absent))
        .filter(|stage| stage.layer != Layer::Delivery || copy.fate == Fate::Unknown);
    // What is shown, and by which the fate is explained no further.
    let shown = stage(answer, family.layer).filter(|stage| family.is_told_by(stage));
    let (statement, cites) = match (open, shown) {
        (Some(stage), _) => (stage.summary.clone(), Vec::new()),
        (None, Some(stage)) => {
            let statement = format!("{}; that neither names it as the reason nor rules it out", stage.summary);
            (statement, stage.cites.clone())
        }
        (None, None) => ("no supplied record names it as the reason or rules it out".to_owned(), Vec::new()),
    };
    let mut ask_for = match family.asks {
        Asks::Stage => open.map(|stage| stage.ask_for.clone()).unwrap_or_default(),
        Asks::Settings => exports(copy).map(|exports| vec![exports.rules, exports.policies]).unwrap_or_default(),
        Asks::Verdict if shown.is_some() => Vec::new(),
        Asks::Verdict if copy.fate == Fate::Quarantined => {
            exports(copy).map(|exports| vec![exports.acted_on_held]).unwrap_or_default()
        }
        Asks::Verdict => exports(copy).map(|exports| vec![exports.acted]).unwrap_or_default(),
    };
    ask_for.dedup();
    // What was supplied is not asked for as if it were missing, but where its own layer says what it lacks.
    if open.is_none() {
        ask_for.retain(|source| !lake.has(source));
    }
    weighed(Standing::NotShown, statement, cites, ask_for)
}

/// The exports that show what policies of the system that decided are, and how they acted.
fn exports(copy: &Explained<'_>) -> Option<sources::policy::Exports> {
    let product = &copy.decided()?.station.system.product;
    sources::policy::of(product).map(sources::policy::Policies::exports)
}

fn stage(answer: &Answer, layer: Layer) -> Option<&Stage> {
    answer.stages.iter().find(|stage| stage.layer == layer)
}

/// A stage that an earlier one provably kept the copy from.
fn not_reached(answer: &Answer, layer: Layer, what: &str) -> Option<Against> {
    let stage = stage(answer, layer)?;
    (stage.state == State::NotReached).then(|| (format!("it never {what}: the path had ended"), stage.cites.clone()))
}

fn ended_before_the_verdict(_copy: &Explained<'_>, answer: &Answer) -> Option<Against> {
    not_reached(answer, Layer::Verdict, "came to a filter")
}

fn found_clean(copy: &Explained<'_>, answer: &Answer) -> Option<Against> {
    let is_clean =
        |event: &&Event| matches!(event.fact(), Fact::Verdict(verdict) if verdict.kind == VerdictKind::Clean);
    let stay = copy.decided()?;
    let clean = stay.verdicts.iter().copied().find(is_clean).filter(|_| stay.adverse_verdicts().next().is_none());
    clean.map(said).or_else(|| not_reached(answer, Layer::Verdict, "came to a filter"))
}

fn authentication_passed(copy: &Explained<'_>, answer: &Answer) -> Option<Against> {
    let is = |event: &&Event, wanted: AuthResult| {
        matches!(event.fact(), Fact::Authentication(result)
            if result.result == wanted && matches!(result.method, AuthMethod::Dmarc | AuthMethod::CompAuth))
    };
    let stated = &copy.decided()?.authentications;
    let failed = stated.iter().any(|event| is(event, AuthResult::Fail));
    let passed = stated.iter().copied().find(|event| is(event, AuthResult::Pass)).filter(|_| !failed);
    passed.map(said).or_else(|| not_reached(answer, Layer::Authentication, "came to a check of who sent it"))
}

/// The copy was delivered before its fate changed; or the system that decided had taken it, and what decided was no hand-over.
fn was_taken(copy: &Explained<'_>, answer: &Answer) -> Option<Against> {
    let delivery = stage(answer, Layer::Delivery).filter(|stage| stage.state == State::Passed);
    if let Some(delivery) = delivery.filter(|_| answer.changed_layer == Some(Layer::Mailbox)) {
        return Some((delivery.summary.clone(), delivery.cites.clone()));
    }
    let is_no_handover = matches!(copy.fate, Fate::Quarantined | Fate::ReleasePending)
        || matches!(answer.changed_layer, Some(Layer::Authentication | Layer::Verdict));
    let is_accepted =
        |event: &&Event| matches!(event.fact(), Fact::Arrival(arrival) if arrival.outcome == Outcome::Accepted);
    let stay: &Stay<'_> = copy.decided().filter(|stay| is_no_handover && !stay.is_by_looks())?;
    stay.arrivals.iter().copied().find(is_accepted).map(said)
}

/// The copy was never held, or the lists of the quarantine that hold it show no step of a release.
fn never_let_go(_copy: &Explained<'_>, answer: &Answer) -> Option<Against> {
    let release = stage(answer, Layer::Release).filter(|stage| stage.state == State::Absent);
    let nobody_released = release.map(|stage| (stage.summary.clone(), stage.cites.clone()));
    not_reached(answer, Layer::Quarantine, "came to a quarantine").or(nobody_released)
}

fn never_in_a_mailbox(_copy: &Explained<'_>, answer: &Answer) -> Option<Against> {
    not_reached(answer, Layer::Mailbox, "came to a mailbox")
}

fn said(event: &Event) -> Against {
    (crate::causes::told(event), layers::cites([event]))
}

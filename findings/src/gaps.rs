//! What the evidence cannot show about a copy, and which export would.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{Address, Fact, Identifier, Identity, Layer, Product, SourceId};
use layers::{End, Explained, Fate, Stage, State};
use trace::Event;

use crate::{Claim, Scene, Standing};

/// The gaps of a copy, the one that matters most first.
pub(crate) fn of(copy: &Explained<'_>, cause: Option<&Claim>, scene: &Scene<'_>) -> Vec<Claim> {
    let mut gaps = Vec::new();
    let cause_shown = cause.is_some_and(Claim::is_shown);
    gaps.extend(for_whom(copy));
    match copy.fate {
        Fate::Delivered => gaps.extend(open_stage(copy, scene, Layer::Mailbox)),
        Fate::Unknown => {
            let first_open = [Layer::Delivery, Layer::Quarantine, Layer::Verdict, Layer::Arrival];
            gaps.extend(first_open.into_iter().find_map(|layer| open_stage(copy, scene, layer)));
        }
        Fate::Quarantined | Fate::Discarded | Fate::Lost if !cause_shown => {
            gaps.extend(open_stage(copy, scene, Layer::Verdict).or_else(|| Some(reason(copy, scene))));
        }
        _ if !cause_shown && cause.is_none() => gaps.push(reason(copy, scene)),
        _ => {}
    }
    gaps
}

/// A copy whose records name no recipient: a list of held mail can be silent about that.
fn for_whom(copy: &Explained<'_>) -> Option<Claim> {
    let stay = copy.decided().filter(|_| copy.copy.envelope_recipient.is_null())?;
    let event = stay.station.events.iter().find(|event| !trace::is_sample(event.source))?;
    let log = layers::exports::logs_of(&stay.station.system.product).first().copied();
    Some(Claim {
        id: "not-shown/arrival".to_owned(),
        standing: Standing::NotShown,
        layer: Layer::Arrival,
        statement: format!(
            "{} has a record of it that names no recipient: whose copy it is, is not shown",
            stay.station.system
        ),
        cites: layers::cites([event]),
        ask_for: log.into_iter().collect(),
    })
}

/// Recipients whom a server counts and no record names: how they fared is not shown. A count may fall with every attempt, as those
/// are left who still wait; the largest tells.
pub(crate) fn recipients_not_shown(scene: &Scene<'_>) -> Vec<Claim> {
    let mut counted: BTreeMap<&Identifier, (u32, &Event)> = BTreeMap::new();
    let stations = scene.copies.iter().flat_map(|copy| &copy.copy.stations);
    for event in stations.flat_map(|station| &station.events) {
        let Fact::Identity(Identity { recipients: Some(count), .. }) = event.fact() else { continue };
        let Some(id) = event.observation.about.ids.iter().find(|id| id.is_strong()) else { continue };
        let most = counted.entry(id).or_insert((*count, event));
        if *count > most.0 {
            *most = (*count, event);
        }
    }
    let open = |(id, (count, event)): (&Identifier, (u32, &Event))| {
        let named = recipients_named(scene, id);
        (0 < named && named < count as usize).then(|| Claim {
            id: "not-shown/delivery".to_owned(),
            standing: Standing::NotShown,
            layer: Layer::Delivery,
            statement: format!(
                "{} has it for {count} recipients, and the records name {named}: how the others fared is not shown",
                event.observation.speaker
            ),
            cites: layers::cites([event]),
            ask_for: layers::exports::logs_of(&event.observation.speaker.product).to_vec(),
        })
    };
    counted.into_iter().filter_map(open).collect()
}

/// For how many recipients a server has a message under an id, as far as records name them: an address, and the one that it was
/// written to before, are one.
fn recipients_named(scene: &Scene<'_>, id: &Identifier) -> usize {
    let mut by_record: BTreeMap<_, BTreeSet<&Address>> = BTreeMap::new();
    let mut named: BTreeSet<&Address> = BTreeSet::new();
    let observations = scene.lake.entries().iter().map(|entry| &entry.observation);
    for observation in observations.filter(|it| it.about.ids.contains(id)) {
        let recipients = &observation.about.envelope_recipients;
        if matches!(observation.fact, Fact::Handover(_) | Fact::Redirect(_) | Fact::Discarded { .. })
            && !recipients.is_empty()
        {
            by_record.entry(observation.cite.order()).or_default().extend(recipients);
        }
        if !matches!(observation.fact, Fact::Redirect(_)) {
            named.extend(recipients);
        }
    }
    by_record.values().collect::<BTreeSet<_>>().len().max(named.len())
}

/// A stage that was not shown, as a gap.
fn open_stage(copy: &Explained<'_>, scene: &Scene<'_>, layer: Layer) -> Option<Claim> {
    let stage = copy.stage(layer)?;
    matches!(stage.state, State::NotSupplied | State::Absent).then(|| gap(copy, scene, stage))
}

fn gap(copy: &Explained<'_>, scene: &Scene<'_>, stage: &Stage) -> Claim {
    let ask_for = if stage.ask_for.is_empty() { usual(copy, scene) } else { stage.ask_for.clone() };
    Claim {
        id: format!("not-shown/{}", stage.layer.id()),
        standing: Standing::NotShown,
        layer: stage.layer,
        statement: stage.summary.clone(),
        cites: stage.cites.clone(),
        ask_for,
    }
}

/// The copy was stopped or moved, and no record says why.
fn reason(copy: &Explained<'_>, scene: &Scene<'_>) -> Claim {
    let end = copy.decided().map(|stay| stay.end);
    let layer = match copy.fate {
        _ if matches!(end, Some(End::RefusedByFilter(_))) => Layer::Verdict,
        Fate::Discarded | Fate::Rejected => {
            let stopped = copy.stages.iter().find(|stage| stage.state == State::Stopped);
            stopped.map_or(Layer::Verdict, |stage| stage.layer)
        }
        _ if matches!(end, Some(End::PutOff(_))) => Layer::Arrival,
        Fate::Quarantined | Fate::ReleasePending | Fate::Lost => Layer::Verdict,
        Fate::Junked | Fate::Filed | Fate::Forwarded | Fate::RemovedAfterDelivery => Layer::Mailbox,
        _ => Layer::Delivery,
    };
    let in_state = |states: &[State]| copy.stages.iter().find(|stage| states.contains(&stage.state));
    let shown = in_state(&[State::Stopped, State::Pending]).or_else(|| in_state(&[State::Changed]));
    let what = shown.map_or("it did not arrive".to_owned(), |stage| stage.summary.clone());
    Claim {
        id: format!("not-shown/{}", layer.id()),
        standing: Standing::NotShown,
        layer,
        statement: match end {
            Some(End::Failed(_) | End::UnderWay(_)) => format!("{what}; no supplied record says why"),
            _ => format!("{what}; the reason is not in words that are known"),
        },
        cites: shown.map(|stage| stage.cites.clone()).unwrap_or_default(),
        ask_for: if layer == Layer::Verdict { lists(copy, scene) } else { usual(copy, scene) },
    }
}

/// The logs of all systems: each vendor, and the kind of export that is its log.
const LOGS: [(&str, SourceId); 9] = [
    ("mimecast/", "mimecast/siem"),
    ("exchange-online/", "exchange-online/message-trace"),
    ("postfix/", "postfix/log"),
    ("exim/", "exim/log"),
    ("cisco/", "cisco/esa-log"),
    ("proofpoint/", "proofpoint/message-log"),
    ("google/", "google/email-log-search"),
    ("proxmox/", "proxmox/tracker"),
    ("rspamd/", "rspamd/log"),
];

/// The logs that are asked for whatever the evidence is from: most messages pass one of these systems.
const USUAL_LOGS: usize = 3;

/// The logs that were supplied, but not for the time of the message.
fn uncovered(scene: &Scene<'_>) -> Vec<SourceId> {
    let at = scene.trace.message.sent_at.as_ref().map(|when| when.at).or(scene.lake.around());
    let Some(at) = at else { return Vec::new() };
    let logs = LOGS.iter().map(|(_, log)| *log);
    logs.filter(|log| scene.lake.has(log) && !scene.lake.would_show(log, at)).collect()
}

/// No record speaks of the message at all.
pub(crate) fn nothing(scene: &Scene<'_>) -> Claim {
    let supplied = |vendor: &str| {
        scene.lake.supplied().iter().any(|file| file.source.is_some_and(|source| source.starts_with(vendor)))
    };
    // First logs that do not cover the time, then those of the systems that other evidence comes from, then the others'.
    let of_supplied = LOGS[USUAL_LOGS..].iter().filter(|(vendor, _)| supplied(vendor));
    let mut logs: Vec<(&str, SourceId)> = LOGS[..USUAL_LOGS].iter().chain(of_supplied).copied().collect();
    logs.sort_by_key(|(vendor, log)| (scene.lake.has(log), !supplied(vendor)));
    let missing = logs.iter().map(|(_, log)| *log).filter(|log| !scene.lake.has(log));
    let uncovered = uncovered(scene);
    let cut = scene.lake.supplied().iter().find(|file| file.coverage.suspected_cut);
    let statement = match (cut, uncovered.first()) {
        (Some(file), _) => format!(
            "no supplied record speaks of this message; {} holds exactly {} rows and is probably cut: export a shorter window",
            file.file, file.rows
        ),
        (None, Some(log)) => {
            format!("no supplied record speaks of this message; the supplied {log} does not cover its time")
        }
        (None, None) if scene.lake.entries().iter().any(|entry| trace::is_report(entry.source)) => {
            "only reports of other receivers speak of this message, no record of a system on its way".to_owned()
        }
        (None, None) => {
            "no supplied record speaks of this message; check the id, the recipient and the time".to_owned()
        }
    };
    let again = cut.and_then(|file| file.source);
    let mut ask_for: Vec<SourceId> = Vec::new();
    for source in again.into_iter().chain(uncovered).chain(missing).chain(["message/eml"]) {
        if !ask_for.contains(&source) {
            ask_for.push(source);
        }
    }
    Claim {
        id: "not-shown/arrival".to_owned(),
        standing: Standing::NotShown,
        layer: Layer::Arrival,
        statement,
        cites: Vec::new(),
        ask_for,
    }
}

/// The lists that name why a copy is held.
fn lists(copy: &Explained<'_>, scene: &Scene<'_>) -> Vec<SourceId> {
    match copy.decided().map(|stay| &stay.station.system.product) {
        Some(evidence::Product::Mimecast) => vec!["mimecast/held-queue", "mimecast/siem"],
        Some(evidence::Product::ExchangeOnline) => {
            vec!["exchange-online/quarantine", "exchange-online/message-trace-detail"]
        }
        Some(product) if !layers::exports::holds_of(product).is_empty() => layers::exports::holds_of(product).to_vec(),
        _ => usual(copy, scene),
    }
}

/// The exports to fetch first for a copy, by the system that spoke last.
fn usual(copy: &Explained<'_>, scene: &Scene<'_>) -> Vec<SourceId> {
    match copy.decided().map(|stay| &stay.station.system.product) {
        Some(evidence::Product::Mimecast) => vec!["mimecast/siem", "exchange-online/message-trace"],
        Some(evidence::Product::ExchangeOnline) => vec!["exchange-online/message-trace-detail", "message/bounce"],
        Some(evidence::Product::Postfix | evidence::Product::Amavis | evidence::Product::Rspamd) => {
            vec!["postfix/log", "message/bounce"]
        }
        Some(product) if !layers::exports::logs_of(product).is_empty() => {
            layers::exports::logs_of(product).iter().copied().chain(["message/bounce"]).collect()
        }
        _ => {
            if let Some(logs) = logs_of_refuser(copy) {
                return logs;
            }
            if let Some(logs) = logs_of_topmost(copy) {
                return logs;
            }
            let mut ask = uncovered(scene);
            ask.extend(
                ["exchange-online/message-trace"].into_iter().filter(|log| !ask.contains(log)).collect::<Vec<_>>(),
            );
            let has_sample = scene.lake.supplied().iter().any(|file| file.source.is_some_and(trace::is_sample));
            ask.extend((!has_sample).then_some("message/eml"));
            ask
        }
    }
}

/// Where only a sample's Received fields show the way: the logs of the service that wrote the newest of them.
fn logs_of_topmost(copy: &Explained<'_>) -> Option<Vec<SourceId>> {
    let top = copy.copy.beside.iter().find(|event| matches!(event.fact(), Fact::Hop(hop) if hop.index == 0))?;
    let product = &top.observation.speaker.product;
    let is_service = matches!(product, Product::Mimecast | Product::Proofpoint | Product::GoogleWorkspace);
    is_service.then(|| layers::exports::onward_of(product))
}

/// Where only a notice speaks of a refusal: the log of the server that refused, and the notice itself, which may be there as text
/// only.
fn logs_of_refuser(copy: &Explained<'_>) -> Option<Vec<SourceId>> {
    let (End::HandoverRefused(event) | End::Deferred(event)) = copy.decided()?.end else { return None };
    let evidence::Fact::Dsn(dsn) = event.fact() else { return None };
    let refuser = dsn.remote.as_ref().or(dsn.reporting.as_ref());
    let cloud = layers::is_vendor_cloud(refuser, &dsn.reply.text);
    let logs = cloud.as_ref().map_or(&[][..], layers::exports::logs_of);
    let logs = if logs.is_empty() { &["postfix/log"][..] } else { logs };
    Some(logs.iter().copied().chain(["message/bounce"]).collect())
}

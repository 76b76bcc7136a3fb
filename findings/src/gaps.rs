//! What the evidence cannot show about a copy, and which export would.

use evidence::{Layer, SourceId};
use layers::{End, Explained, Fate, Stage, State};

use crate::{Claim, Scene, Standing};

/// The gaps of a copy, the one that matters most first.
pub(crate) fn of(copy: &Explained<'_>, cause: Option<&Claim>, _scene: &Scene<'_>) -> Vec<Claim> {
    let mut gaps = Vec::new();
    let cause_shown = cause.is_some_and(Claim::is_shown);
    match copy.fate {
        Fate::Delivered => gaps.extend(open_stage(copy, Layer::Mailbox)),
        Fate::Unknown => {
            let first_open = [Layer::Delivery, Layer::Quarantine, Layer::Verdict, Layer::Arrival];
            gaps.extend(first_open.into_iter().find_map(|layer| open_stage(copy, layer)));
        }
        Fate::Quarantined | Fate::Discarded | Fate::Lost if !cause_shown => {
            gaps.extend(open_stage(copy, Layer::Verdict).or_else(|| Some(reason(copy))));
        }
        _ if !cause_shown && cause.is_none() => gaps.push(reason(copy)),
        _ => {}
    }
    gaps
}

/// A stage that was not shown, as a gap.
fn open_stage(copy: &Explained<'_>, layer: Layer) -> Option<Claim> {
    let stage = copy.stage(layer)?;
    matches!(stage.state, State::NotSupplied | State::Absent).then(|| gap(copy, stage))
}

fn gap(copy: &Explained<'_>, stage: &Stage) -> Claim {
    let ask_for = if stage.ask_for.is_empty() { usual(copy) } else { stage.ask_for.clone() };
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
fn reason(copy: &Explained<'_>) -> Claim {
    let end = copy.decided().map(|stay| stay.end);
    let layer = match copy.fate {
        _ if matches!(end, Some(End::RefusedByFilter(_))) => Layer::Verdict,
        Fate::Quarantined | Fate::ReleasePending | Fate::Discarded | Fate::Lost => Layer::Verdict,
        Fate::Rejected => Layer::Arrival,
        _ if matches!(end, Some(End::PutOff(_))) => Layer::Arrival,
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
        ask_for: if layer == Layer::Verdict { lists(copy) } else { usual(copy) },
    }
}

/// No record speaks of the message at all.
pub(crate) fn nothing(scene: &Scene<'_>) -> Claim {
    let supplied = |vendor: &str| {
        scene.lake.supplied().iter().any(|file| file.source.is_some_and(|source| source.starts_with(vendor)))
    };
    // First the log of the systems that other evidence comes from, as far as it is not there, then the other systems'.
    let mut logs = [
        ("mimecast/", "mimecast/siem"),
        ("exchange-online/", "exchange-online/message-trace"),
        ("postfix/", "postfix/log"),
    ];
    logs.sort_by_key(|(vendor, log)| (scene.lake.has(log), !supplied(vendor)));
    let cut = scene.lake.supplied().iter().find(|file| file.coverage.suspected_cut);
    let again = cut.and_then(|file| file.source);
    let missing: Vec<SourceId> =
        logs.iter().map(|(_, log)| *log).filter(|log| !scene.lake.has(log) && Some(*log) != again).collect();
    let check = match cut {
        Some(file) => {
            format!("{} holds exactly {} rows and is probably cut: export a shorter window", file.file, file.rows)
        }
        None => "check the id, the recipient and the time".to_owned(),
    };
    Claim {
        id: "not-shown/arrival".to_owned(),
        standing: Standing::NotShown,
        layer: Layer::Arrival,
        statement: format!("no supplied record speaks of this message; {check}"),
        cites: Vec::new(),
        ask_for: again.into_iter().chain(missing).chain(["message/eml"]).collect(),
    }
}

/// The lists that name why a copy is held.
fn lists(copy: &Explained<'_>) -> Vec<SourceId> {
    match copy.decided().map(|stay| &stay.station.system.product) {
        Some(evidence::Product::Mimecast) => vec!["mimecast/held-queue", "mimecast/siem"],
        Some(evidence::Product::ExchangeOnline) => {
            vec!["exchange-online/quarantine", "exchange-online/message-trace-detail"]
        }
        _ => usual(copy),
    }
}

/// The exports to fetch first for a copy, by the system that spoke last.
fn usual(copy: &Explained<'_>) -> Vec<SourceId> {
    match copy.decided().map(|stay| &stay.station.system.product) {
        Some(evidence::Product::Mimecast) => vec!["mimecast/siem", "exchange-online/message-trace"],
        Some(evidence::Product::ExchangeOnline) => vec!["exchange-online/message-trace-detail", "message/bounce"],
        Some(evidence::Product::Postfix | evidence::Product::Amavis | evidence::Product::Rspamd) => {
            vec!["postfix/log", "message/bounce"]
        }
        _ => vec!["exchange-online/message-trace", "message/eml"],
    }
}

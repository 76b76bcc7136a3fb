//! What to do next on a ticket: by how far it is, then by what its evidence asks for.

use report::{NextStep, Report};

use crate::case::{Case, Status};
use crate::journal::{Deed, Entry};
use crate::triage::{PointState, Triage};

/// What to do next, the nearest first.
pub fn next_steps(case: &Case, journal: &[Entry], report: Option<&Report>, triage: Option<&Triage>) -> Vec<NextStep> {
    let mut steps = by_status(case, journal);
    if case.status == Status::Closed {
        return steps;
    }
    let add = |steps: &mut Vec<NextStep>, step: &NextStep| {
        if !steps.iter().any(|known| known.step == step.step && known.command == step.command) {
            steps.push(step.clone());
        }
    };
    report.iter().flat_map(|report| &report.next_steps).for_each(|step| add(&mut steps, step));
    let points = triage.iter().flat_map(|triage| &triage.points);
    let open = points.filter(|point| point.state == PointState::Open && point.id != "before_change");
    open.flat_map(|point| &point.steps).for_each(|step| add(&mut steps, step));
    steps
}

fn by_status(case: &Case, journal: &[Entry]) -> Vec<NextStep> {
    let number = case.number;
    let has_evidence = journal.iter().any(|entry| matches!(entry.deed, Deed::EvidenceAdded { .. }));
    match case.status {
        Status::Open | Status::Waiting | Status::Escalated if !has_evidence => vec![own(
            "Add what there is: the message as a file, the bounce, a trace, the list of the quarantine",
            format!("throughline case add {number} PATH..."),
        )],
        Status::Open => Vec::new(),
        Status::Waiting => vec![plain("Wait for the answer; then add it as evidence or as a note")],
        Status::Escalated => vec![plain("Wait for whom it was given to; then add the answer as evidence or as a note")],
        Status::Changed => vec![
            own(
                "Fetch the records of after the change: a later message of the same sender and recipient, the audit log",
                format!("throughline case add {number} --verification PATH..."),
            ),
            own("Say whether the change held", format!("throughline verify {number}")),
        ],
        Status::CameBack => vec![
            own(
                "Take the change back or mend it, and record that",
                format!("throughline case change {number} CANDIDATE --made-at TIME"),
            ),
            own("If it is somebody else's to mend, give it to them", format!("throughline escalate {number}")),
        ],
        Status::Held => held(case),
        Status::Closed => Vec::new(),
    }
}

fn held(case: &Case) -> Vec<NextStep> {
    let number = case.number;
    let close = own("Close it", format!("throughline case close {number} --resolution TEXT"));
    let again = case.due.map(|due| {
        own(
            &format!("Look again by {}: whether it survives the next policy refresh", report::instant(due)),
            format!("throughline verify {number}"),
        )
    });
    again.into_iter().chain([close]).collect()
}

fn plain(step: &str) -> NextStep {
    NextStep {
        tier: 1,
        step: step.to_owned(),
        because: Vec::new(),
        command: None,
        shell: None,
        r#where: None,
        layer: None,
        fetches: None,
        check: None,
    }
}

fn own(step: &str, command: String) -> NextStep {
    NextStep { command: Some(command), shell: Some("sh".to_owned()), ..plain(step) }
}

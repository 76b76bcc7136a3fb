//! What is proposed for the tickets of `cases/`: first whether an exception is the cure, then that what is proposed is narrow.

mod tickets;

use std::collections::BTreeMap;

use exceptions::{Answer, Checked, Cure, Done, Ends, Fit, Grant, Level, Proposal, Way, check};
use jiff::{SignedDuration, Timestamp};
use sources::Input;
use sources::proposed::{self, Candidate};
use tickets::{Followed, Ticket, ticket, tickets, utc};

/// All proposals of a cure.
fn proposals(cure: &Cure) -> &[Proposal] {
    match &cure.done {
        Done::Except(all) | Done::Mend { meanwhile: all, .. } | Done::Useless { meanwhile: all, .. } => all,
        Done::NotShown { .. } => &[],
    }
}

fn grants(proposal: &Proposal) -> Vec<&Grant> {
    proposal.exception.checked().steps.iter().flat_map(|step| &step.grants).collect()
}

/// The rows of the tables that call it narrow, such as `N8`.
fn rows(proposal: &Proposal) -> String {
    let reasons = proposal.exception.checked().reasons();
    let mut rows: Vec<&str> = reasons
        .filter(|reason| reason.level == Level::Narrow && !reason.row.is_empty())
        .map(|reason| reason.row)
        .collect();
    rows.dedup();
    rows.join("+")
}

/// A cure in short, such as `except content-verdict/spam: N8+N9, N1, N2`.
fn short(cure: &Cure) -> String {
    let rows: Vec<String> = proposals(cure).iter().map(rows).collect();
    let rows = if rows.is_empty() { String::new() } else { format!(": {}", rows.join(", ")) };
    match &cure.done {
        Done::Mend { .. } => format!("mend {}{rows}", cure.need.cause),
        Done::Useless { .. } => format!("useless {}{rows}", cure.need.cause),
        Done::Except(_) => format!("except {}{rows}", cure.need.cause),
        Done::NotShown { .. } if cure.need.cause.is_empty() => "not shown".to_owned(),
        Done::NotShown { .. } => format!("none for {}", cure.need.cause),
    }
}

fn read(text: &str, now: Option<Timestamp>) -> Candidate {
    proposed::read(&Input { name: "again".into(), bytes: text.as_bytes() }, &utc(now.unwrap_or_default()))
}

fn judged_again(text: &str, followed: &Followed) -> Checked {
    check(&read(text, followed.now), &followed.world())
}

/// What a cure does not keep of what is promised for every proposal.
fn broken(cure: &Cure, followed: &Followed) -> Vec<String> {
    let mut broken = Vec::new();
    for proposal in proposals(cure) {
        let name = &proposal.what;
        let mut expect = |holds: bool, what: &str| {
            if !holds {
                broken.push(format!("{name}: {what}"));
            }
        };
        let is_whole = |way: &Way| {
            let has_command = way.command.as_ref().is_some_and(|command| !command.text.trim().is_empty());
            let has_clicks = way.clicks.as_ref().is_some_and(|clicks| !clicks.trim().is_empty());
            !way.what.trim().is_empty() && (has_command || has_clicks)
        };
        expect(!proposal.what.trim().is_empty() && !proposal.because.trim().is_empty(), "says what and why");
        expect(!proposal.cites.is_empty(), "why has records");
        expect(is_whole(&proposal.doing), "says how to do it");
        expect(is_whole(&proposal.undoing), "says how to undo it");
        expect(is_whole(&proposal.works) && is_whole(&proposal.holds), "has two checks");
        expect(ends_in_time(proposal, followed.now), "ends, or names the day on which it is taken back");
        let checked = proposal.exception.checked();
        expect(checked.answer == Answer::Narrow, "was judged narrow");
        let said: Vec<&str> = checked.steps.iter().map(|step| step.step.said.as_str()).collect();
        for text in
            proposal.doing.command.as_ref().map(|command| command.text.as_str()).or_else(|| said.first().copied())
        {
            let again = judged_again(text, followed);
            expect(again.answer == Answer::Narrow, &format!("is narrow when it is read again: {again:?}"));
        }
        for grant in grants(proposal) {
            expect(!matches!(cure.need.fits(&grant.scope), Fit::No(_)), "takes the sample in");
            for term in &grant.scope.terms {
                let wider = grant.scope.clone().without(term);
                expect(grant.scope.is_within(&wider) && !wider.is_within(&grant.scope), "has no idle condition");
            }
        }
    }
    broken
}

/// Whether all of a proposal ends by itself within 30 days, or its undoing names the day.
fn ends_in_time(proposal: &Proposal, now: Option<Timestamp>) -> bool {
    let latest = now.map(|now| now + SignedDuration::from_hours(30 * 24));
    let names_a_day = || {
        proposal.undoing.what.contains(|c: char| c.is_ascii_digit()) || proposal.what.starts_with("This is the mend")
    };
    grants(proposal).iter().all(|grant| match grant.ends {
        Ends::AtOnce => true,
        Ends::At(at) => latest.is_none_or(|latest| at <= latest),
        Ends::Unused(days) => days <= 45,
        Ends::DeviceHasNone | Ends::Never | Ends::NotSaid => names_a_day(),
    })
}

#[test]
fn every_proposal_is_narrow_and_whole() {
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for ticket in tickets() {
        let Some(followed) = ticket.follow() else { continue };
        for cure in &followed.cures {
            wrong.extend(broken(cure, &followed).into_iter().map(|broken| format!("{}: {broken}", ticket.name)));
            for proposal in proposals(cure) {
                *told.entry(rows(proposal)).or_default() += 1;
            }
            if std::env::var("TICKETS").is_ok() {
                println!("{}: {}", ticket.name, short(cure));
            }
        }
    }
    assert!(wrong.is_empty(), "{} promises are broken:\n{}", wrong.len(), wrong.join("\n"));
    if std::env::var("TICKETS").is_err() {
        println!("{told:?}");
    }
}

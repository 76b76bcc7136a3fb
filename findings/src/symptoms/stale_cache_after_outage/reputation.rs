//! A block list that still names our address after the others have lifted theirs.

use std::collections::{BTreeMap, HashMap};

use evidence::{Layer, Outcome, Reply};
use jiff::Timestamp;
use lake::{Line, Name, What};

use super::{Leftover, clock};
use crate::Standing;
use crate::causes::stated::words::cause_of;
use crate::symptoms::Survey;
use crate::symptoms::picture::{Mark, MarkTone};

/// Causes of a refusal that blame the standing of whoever sends.
const STANDING: &[&str] = &["policy-scope-or-order/connection-filter", "policy-scope-or-order/outbound-restricted"];
/// Fewer refusals are no outage.
const REFUSED_MIN: usize = 3;
/// So often it has to be refused after the others take mail again.
const STILL_MIN: usize = 2;

/// The time in which our mail was refused for its reputation.
pub(super) struct Bad<'a> {
    pub(super) from: Timestamp,
    /// The first mail that one of those who refused took again.
    pub(super) back: Timestamp,
    pub(super) refused: Vec<&'a Line>,
    pub(super) taken: Vec<&'a Line>,
    pub(super) leftover: Leftover,
}

/// Who still refuses after others took mail again.
pub(super) fn not_lifted<'a>(survey: &Survey<'a>) -> Option<Bad<'a>> {
    let mut known: HashMap<(Option<Name>, Option<Name>), bool> = HashMap::new();
    let mut of_peer: BTreeMap<&'a str, (Vec<&'a Line>, Vec<&'a Line>)> = BTreeMap::new();
    for line in survey.lines() {
        let peer = survey.text(line.peer);
        let (What::Handover(outcome, _), Some(_), false) = (&line.what, line.at, peer.is_empty()) else { continue };
        if *outcome == Outcome::Accepted {
            of_peer.entry(peer).or_default().1.push(line);
            continue;
        }
        let is_for_standing = *known.entry((line.said, line.enhanced_status_code)).or_insert_with(|| {
            let enhanced_status_code = line.enhanced_status_code.map(|code| survey.text(Some(code)).to_owned());
            let reply =
                Reply { reply_code: line.reply_code, enhanced_status_code, text: survey.text(line.said).to_owned() };
            cause_of(&reply, None).is_some_and(|(cause, _)| STANDING.contains(&cause))
        });
        if is_for_standing {
            of_peer.entry(peer).or_default().0.push(line);
        }
    }
    of_peer.retain(|_, (refused, _)| !refused.is_empty());
    // Who refused and took mail again after the last refusal.
    let again: BTreeMap<&str, Vec<&'a Line>> = of_peer
        .iter()
        .filter_map(|(peer, (refused, taken))| {
            let last = refused.last()?.at?;
            let since: Vec<&'a Line> =
                taken.iter().filter(|line| line.at.is_some_and(|at| at > last)).copied().collect();
            (!since.is_empty()).then_some((*peer, since))
        })
        .collect();
    let back = again.values().filter_map(|lines| lines.first()?.at).min()?;
    let refused: Vec<&'a Line> = {
        let before =
            of_peer.values().flat_map(|(refused, _)| refused).filter(|line| line.at.is_some_and(|at| at < back));
        let mut before: Vec<&'a Line> = before.copied().collect();
        before.sort_by_key(|line| line.at);
        before
    };
    if refused.len() < REFUSED_MIN {
        return None;
    }
    let still: Vec<(&str, Vec<&'a Line>)> = of_peer
        .iter()
        .filter(|(peer, _)| !again.contains_key(*peer))
        .map(|(peer, (refused, _))| {
            (*peer, refused.iter().filter(|line| line.at.is_some_and(|at| at > back)).copied().collect::<Vec<_>>())
        })
        .filter(|(peer, late)| {
            // A list that never named us before is a new refusal, not an old one.
            let was = of_peer
                .get(peer)
                .is_some_and(|(refused, _)| refused.first().is_some_and(|line| line.at.is_some_and(|at| at < back)));
            late.len() >= STILL_MIN && was
        })
        .collect();
    let (peer, late) = still.first()?;
    let first = late.first()?;
    let said = format!(
        "{peer} still refused {} message(s) for the same reason, last at {}, after {} took mail again; a block list entry stays until it is lifted or expires at its owner",
        late.len(),
        late.last().and_then(|line| line.at).map(clock).unwrap_or_default(),
        again.keys().copied().take(3).collect::<Vec<_>>().join(", "),
    );
    let mark = |line: &&'a Line, tone, label: &str| {
        Some(Mark { at: line.at?, tone, label: label.to_owned(), cites: vec![survey.cite(line)] })
    };
    let marks = late.iter().filter_map(|line| mark(line, MarkTone::Bad, "still refused")).collect();
    let taken: Vec<&'a Line> = again.values().filter_map(|lines| lines.first().copied()).collect();
    let mut cites: Vec<_> = late.iter().take(4).map(|line| survey.cite(line)).collect();
    cites.dedup_by(|a, b| a.order() == b.order());
    let _ = first;
    Some(Bad {
        from: refused.first()?.at?,
        back,
        taken,
        leftover: Leftover {
            specific: "reputation-not-lifted",
            standing: Standing::Proved,
            layer: Layer::Delivery,
            envelope_recipient: None,
            said,
            lane: format!("{peer}, which still refuses"),
            marks,
            cites,
            ask_for: Vec::new(),
            apart: Vec::new(),
        },
        refused,
    })
}

//! An allow entry names the message, and the filter's verdict acted all the same.
//!
//! What it is: no allow is good against everything. Each way of allowing reaches up to some verdicts only; it looks at one of the two
//! senders; it ends on a day; it acts only in the policy that applies to the recipient. People add one, see no effect, and add a
//! wider one, which is the dangerous step.
//!
//! What proves it: the entry's record, the record of the verdict that acted, and the reason in records: it had expired, it was
//! made later, it looks at the other sender, it stands in a policy that did not apply, or the vendor's pages say that it does not
//! reach this verdict. It is likely where the pages disagree, or where the entry could have acted and nothing supplied says why it
//! did not. What looks alike: an allow that was honoured (the copy was let go on, and nothing is said here); an entry for another
//! sender. Narrow fix: release the one message and submit it to the vendor as wrongly judged; never a wider allow. Owner: who
//! runs the list in which the entry stands.

use evidence::VerdictKind;

use super::allows::{Because, Matching, matching};
use super::view::View;
use super::{claim, not_shown};
use crate::{Claim, Kind, Standing};

/// `allow-not-honoured`
pub struct Rule;

const ID: &str = "policy-scope-or-order/allow-not-honoured";

/// How many entries are told: who has more has another problem.
const TOLD_MAX: usize = 4;

impl super::Rule for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("allow_not_honoured.rs")
    }

    fn find(&self, view: &View<'_>) -> Vec<(Kind, Claim)> {
        // What a rule of the organisation did on purpose is its own order's matter.
        if view.acted().is_none_or(|(_, verdict)| is_a_rules(&verdict.kind)) {
            return Vec::new();
        }
        let found = matching(view);
        if found.is_empty() && !lists_are_supplied(view) {
            return not_supplied(view).into_iter().collect();
        }
        found.iter().take(TOLD_MAX).map(|matching| (Kind::Risk, ignored(view, matching))).collect()
    }
}

fn is_a_rules(kind: &VerdictKind) -> bool {
    matches!(kind, VerdictKind::TransportRule | VerdictKind::DataLoss)
}

fn ignored(view: &View<'_>, matching: &Matching<'_>) -> Claim {
    let words = view.kind().map_or("the verdict", layers::of_verdict_kind);
    let head = format!(
        "\"{}\" is {}, and did not keep the message from being judged {words}",
        matching.value,
        matching.device.words()
    );
    let exports = view.vendor.exports();
    let (standing, why, more, ask_for) = match &matching.because {
        Because::Shown(why, more) => (Standing::Proved, why.clone(), more.clone(), Vec::new()),
        Because::Likely(why) => (Standing::Likely, why.clone(), Vec::new(), vec!["message/eml", exports.changes]),
        Because::NotShown => (
            Standing::Likely,
            "by the vendor's pages it could have acted, and nothing supplied says why it did not".to_owned(),
            Vec::new(),
            vec!["message/eml", exports.changes],
        ),
    };
    let entries = std::iter::once(matching.entry).chain(more);
    let found = claim(ID, standing, format!("{head}: {why}"), view.verdict, entries);
    let ask_for = ask_for.into_iter().filter(|source| !view.scene.lake.has(source)).collect();
    Claim { ask_for, ..found }
}

/// Whether every list of allows was supplied.
fn lists_are_supplied(view: &View<'_>) -> bool {
    view.vendor.exports().allows.iter().all(|list| view.scene.lake.has(list))
}

/// Policies were supplied, the list was not.
fn not_supplied(view: &View<'_>) -> Option<(Kind, Claim)> {
    let kind = view.kind().filter(|kind| view.vendor.rulebook().is_overridable(kind))?;
    let sender = view.header_from().or(view.envelope_sender())?;
    let statement = format!(
        "whether an allow entry for {sender} exists is not shown: the list was not supplied; against {} it could \
         have helped",
        layers::of_verdict_kind(kind)
    );
    let missing = view.vendor.exports().allows.iter().copied().filter(|list| !view.scene.lake.has(list));
    Some(not_shown(ID, statement, view.verdict, [], missing.collect()))
}

//! A filter concluded that the message is spam.
//!
//! What it is: content, links, history of the sender and of the connecting address add up to spam. Rules and lists of the
//! organisation may have added to it.
//!
//! What proves it: the filter's record that names spam together with what it did to this copy. A summary word such as
//! `FilteredAsSpam` alone is likely: it names neither the kind nor the place.
//!
//! What looks alike: a mark in the header while the copy went to the inbox; a rule that set the spam level (the rule is the cause);
//! bulk mail over the threshold; the mailbox's own junk filter after a clean verdict (`mailbox-rule/junk-filter`).
//!
//! Narrow fix: release this one message for this one recipient and submit it as wrongly judged; if the sender comes again, one
//! address in the organisation's list of allowed senders, with a day on which it ends.
//!
//! Owner: who runs the anti-spam policy named in the record.

use evidence::{Fact, TraceStatus, VerdictKind};
use trace::Event;

use crate::causes::ground::Ground;
use crate::causes::{Cause, claim, stated::verdict, told};
use crate::{Claim, Standing};

/// `content-verdict/spam`
pub(super) struct Rule;

const ID: &str = "content-verdict/spam";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("spam.rs")
    }

    fn is_stated_as(&self, kind: &VerdictKind) -> bool {
        matches!(kind, VerdictKind::Spam | VerdictKind::HighConfidenceSpam)
    }

    fn find(&self, ground: &Ground<'_>) -> Option<Claim> {
        ground.stated(ID).or_else(|| by_summary_word(verdict::unexplained(ground.stay)?))
    }
}

/// `FilteredAsSpam` in a trace: the word itself is the verdict, but it names neither kind nor place surely.
fn by_summary_word(deed: &Event) -> Option<Claim> {
    let Fact::Status(status) = deed.fact() else { return None };
    if status.status != TraceStatus::FilteredAsSpam {
        return None;
    }
    let statement = format!("{}: marked as spam, then refused or put to junk", told(deed));
    let claim = claim(ID, Standing::Likely, evidence::Layer::Verdict, statement, [deed]);
    Some(Claim { ask_for: vec!["exchange-online/message-trace-detail", "message/eml"], ..claim })
}

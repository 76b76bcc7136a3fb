//! A first contact was put off on purpose, to see whether it comes again.
//!
//! What it is: the receiving server does not know this trio of address, sender and recipient, and asks for another attempt some
//! minutes later. Senders with many addresses come from another one each time and start anew.
//!
//! What proves it: the deferral in words that name greylisting; where the words only say "try again later", the record of the filter
//! that was asked and says so itself.
//!
//! What looks alike: a limit on the rate (`throttled`); a filter that is down (`filter-unavailable`); a deferral that a later attempt
//! overcame, which explains a delay and no loss.
//!
//! Narrow fix: wait for the retry; where a sender uses many addresses, except that one flow from greylisting.
//!
//! Owner: the sender's server has to come again; who runs the greylist for the exception.

use evidence::{Action, Fact, VerdictKind};
use layers::{End, Stay};

use crate::causes::ground::Ground;
use crate::causes::{Cause, told};
use crate::{Claim, Standing};

/// `connector-routing/greylisted`
pub(super) struct Rule;

const ID: &str = "connector-routing/greylisted";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("greylisted.rs")
    }

    fn find(&self, ground: &Ground<'_>) -> Option<Claim> {
        ground.stated(ID).map(|claim| confirmed_by_filter(claim, ground.stay))
    }
}

/// A vague "try again later" is greylisting for sure once the filter that was asked says so itself.
fn confirmed_by_filter(claim: Claim, stay: &Stay<'_>) -> Claim {
    let says_greylisted = stay.verdicts.iter().copied().find(|event| {
        matches!(event.fact(), Fact::Verdict(verdict)
            if verdict.kind == VerdictKind::Greylisted && verdict.action == Action::Deferred)
    });
    match says_greylisted {
        Some(event) if matches!(stay.end, End::PutOff(_)) => {
            let statement = format!("{}; {}", claim.statement, told(event));
            let cites = claim.cites.into_iter().chain(layers::cites([event])).collect();
            Claim { standing: Standing::Proved, statement, cites, ..claim }
        }
        _ => claim,
    }
}

//! The words of the server that refused or put off the copy name the reason: routing, address, policy, content,
//! authentication.
//!
//! What proves it: the reply as the sending system logged it, or a notice repeats it, with the enhanced status code. What
//! looks alike: a deferral that a later attempt overcame, and a code whose text tells another story (the text decides).
//! Owner: by the cause; the refusing server's owner where the words blame a policy of theirs.

use evidence::{Fact, Handover, Layer, Outcome, Product, Reply};
use layers::{End, Explained, Fate, Stay};
use trace::Event;

use super::words::cause_of;
use crate::causes::{claim, told};
use crate::status::{List, speaker_of};
use crate::{Claim, Standing};

/// The reason that the words of a refusal or a deferral name.
pub(super) fn by_refuser(copy: &Explained<'_>, stay: &Stay<'_>) -> Option<Claim> {
    let events: Vec<&Event> = match stay.end {
        End::Refused(event) | End::PutOff(event) => vec![event],
        // That it is not yet time to try again says nothing: an earlier attempt does.
        End::Deferred(event) => [event].into_iter().chain(put_off(stay)).collect(),
        // An expiry says only that it lasted: the last attempt that was put off names the reason.
        End::HandoverRefused(event) if is_expiry(event) => [event].into_iter().chain(put_off(stay)).collect(),
        End::HandoverRefused(event) => vec![event],
        // The verdict's own record carries the reply that was given.
        End::RefusedByFilter(event) => {
            let place = event.observation.cite.order();
            stay.handovers.iter().copied().filter(|other| other.observation.cite.order() == place).collect()
        }
        // The last attempt names the reason; the expiry alone only says that it lasted.
        End::GaveUp(expired, last) => last.into_iter().chain([expired]).collect(),
        End::Held(event) | End::UnderWay(event) | End::Failed(event) => return by_word(copy, event),
        _ => return None,
    };
    if let [event] = events.as_slice()
        && matches!(event.fact(), Fact::Status(_))
    {
        return by_word(copy, event);
    }
    let (event, (id, standing)) =
        events.iter().find_map(|event| Some((*event, cause_of(reply(event)?, speaker_of(event))?)))?;
    // That a scan takes its time is no verdict.
    let is_answer =
        reply(event).is_some_and(|reply| reply.reply_code.is_some() || reply.enhanced_status_code.is_some());
    if matches!(stay.end, End::Deferred(_)) && id.starts_with("content-verdict/") && !is_answer {
        return None;
    }
    let statement = match stay.end {
        End::GaveUp(..) => format!("{}; retries were given up", told(event)),
        _ => told(event),
    };
    let notices = stay.dsns.iter().copied();
    let layer = layer_of(id, copy);
    // The attempt that names the reason, beside the end that does not.
    let shown = events.first().copied().into_iter().chain([event]).chain(match stay.end {
        End::GaveUp(expired, _) => Some(expired),
        _ => None,
    });
    let claim = claim(id, standing, layer, statement, shown.chain(notices));
    Some(match event.fact() {
        Fact::Dsn(_) => by_hearsay(claim, event),
        Fact::Handover(handover) if is_unanswered_end(&handover.reply) => by_silence(claim, handover),
        _ => claim,
    })
}

/// The attempts to hand over that were put off, the last one first.
fn put_off<'t>(stay: &Stay<'t>) -> impl Iterator<Item = &'t Event> {
    let is_put_off =
        |event: &&Event| matches!(event.fact(), Fact::Handover(handover) if handover.outcome == Outcome::Deferred);
    stay.handovers.iter().copied().rev().filter(is_put_off).collect::<Vec<_>>().into_iter()
}

/// The text beside a summary word, such as `rejected: IP Found in RBL`: a list's short word, likely until the system's
/// own record of the deed is seen.
fn by_word(copy: &Explained<'_>, event: &Event) -> Option<Claim> {
    let Fact::Status(status) = event.fact() else { return None };
    let (_, text) = status.said.split_once(": ")?;
    let speaker = List::of_product(&event.observation.speaker.product);
    let (id, _) = cause_of(&Reply { text: text.to_owned(), ..Reply::default() }, speaker)?;
    // Only a door is greylisted.
    let layer = if id == "connector-routing/greylisted" { Layer::Arrival } else { layer_of(id, copy) };
    let claim = claim(id, Standing::Likely, layer, told(event), [event]);
    let ask_for = match event.observation.speaker.product {
        Product::Mimecast => vec!["mimecast/siem", "mimecast/held-queue"],
        Product::ExchangeOnline => vec!["exchange-online/message-trace-detail"],
        ref product => match layers::exports::logs_of(product) {
            [] => vec!["exchange-online/message-trace-detail"],
            logs => logs.to_vec(),
        },
    };
    Some(Claim { ask_for, ..claim })
}

/// A notice repeats what another server is said to have answered: likely, until that server's own record is seen.
fn by_hearsay(claim: Claim, notice: &Event) -> Claim {
    let Fact::Dsn(dsn) = notice.fact() else { return claim };
    let refuser = dsn.remote.as_ref().or(dsn.reporting.as_ref());
    let log_of = |product: &Product| match product {
        Product::ExchangeOnline => Some("exchange-online/message-trace-detail"),
        product => layers::exports::logs_of(product).first().copied(),
    };
    let reporter = match layers::is_vendor_cloud(dsn.reporting.as_ref(), "") {
        Some(product) => product,
        None => notice.observation.speaker.product.clone(),
    };
    let reporters = log_of(&reporter);
    let cloud = layers::is_vendor_cloud(refuser, &dsn.reply.text);
    let refusers = match &cloud {
        Some(product) => log_of(product),
        None if dsn.remote.is_none() && speaker_of(notice) == Some(List::ExchangeOnline) => {
            // Exchange's words from a host that is not the service's: a server of one's own, with its tracking log.
            Some("exchange-online/extended-report")
        }
        // Nobody but the reporter is named.
        None if dsn.remote.is_none() => reporters,
        None => None,
    };
    let mut ask_for = vec![refusers.unwrap_or("postfix/log")];
    ask_for.extend(reporters.filter(|log| !ask_for.contains(log)));
    Claim { standing: claim.standing.max(Standing::Likely), ask_for, ..claim }
}

/// Whether the next hop fell silent after the whole message was sent: then it may have taken it (RFC 1047, 2).
fn is_unanswered_end(reply: &Option<Reply>) -> bool {
    let words = ["while sending end of data", "smtp timeout after end of data", "in response to end of data"];
    reply.as_ref().is_some_and(|reply| {
        let text = reply.text.to_lowercase();
        words.iter().any(|word| text.contains(word))
    })
}

fn by_silence(claim: Claim, handover: &Handover) -> Claim {
    let next = handover.to.as_ref();
    let product = next.and_then(|next| layers::is_vendor_cloud(Some(next), ""));
    let logs = product.as_ref().map_or(&[][..], layers::exports::logs_of);
    let ask_for = if logs.is_empty() { vec!["postfix/log"] } else { logs.to_vec() };
    let next = next.map_or("the next server".to_owned(), ToString::to_string);
    let statement = format!("{}; {next} may have taken it all the same, which its own log shows", claim.statement);
    Claim { standing: claim.standing.max(Standing::Likely), statement, ask_for, ..claim }
}

/// Whether a refusal is the sending system's own end of retrying.
fn is_expiry(event: &Event) -> bool {
    reply(event).is_some_and(|reply| {
        let text = reply.text.to_lowercase();
        ["4.4.7", "5.4.7"].contains(&reply.enhanced_status_code.as_deref().unwrap_or(""))
            || ["delivery expired", "message expired", "message too old", "retry timeout exceeded"]
                .iter()
                .any(|word| text.contains(word))
    })
}

/// The reply that an event carries.
pub(crate) fn reply(event: &Event) -> Option<&Reply> {
    match event.fact() {
        Fact::Arrival(arrival) => arrival.reply.as_ref(),
        Fact::Handover(handover) => handover.reply.as_ref(),
        Fact::Dsn(dsn) => Some(&dsn.reply),
        _ => None,
    }
}

/// The layer follows the cause; routing counts as arrival until our first system has accepted the message.
fn layer_of(id: &str, copy: &Explained<'_>) -> Layer {
    match id.split('/').next() {
        Some("content-verdict" | "policy-scope-or-order") => Layer::Verdict,
        Some("authentication-alignment") => Layer::Authentication,
        _ => {
            let at_our_door = matches!(copy.decided().map(|stay| stay.end), Some(End::Refused(_) | End::PutOff(_)));
            if at_our_door && copy.fate != Fate::Bounced { Layer::Arrival } else { Layer::Delivery }
        }
    }
}

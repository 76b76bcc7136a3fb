//! Several messages beside each other: what they share, and which of them is told in full.

use maud::{Markup, html};
use report::{FollowedMessage, Report, SharedCause, instant, visible};

use super::{cites, findings};

/// How many messages are listed, in all and of one cause.
const MAX_LISTED: usize = 200;
const MAX_OF_CAUSE: usize = 30;

/// The section of several messages; nothing if one was followed.
pub fn drawn(number: u64, report: &Report) -> Markup {
    let Some(several) = &report.several else { return html! {} };
    let in_full = usize::try_from(several.in_full).unwrap_or(usize::MAX);
    html! {
        section id="several" aria-labelledby="several-title" {
            h2 id="several-title" { "Several messages" }
            p {
                (several.found) " messages fit (" (visible(&several.asked)) "), " (several.followed) " were followed: "
                @for (at, one) in several.fates.iter().enumerate() { @if at > 0 { ", " } (one.copies) " " (one.fate.word()) }
                "."
            }
            @if several.not_followed > 0 { p { (several.not_followed) " earlier ones were not followed: there are too many." } }
            @if several.not_counted > 0 { p { (several.not_counted) " do not count: only their From names the sender." } }
            @for group in &report.shared { (shared(number, report, group, in_full)) }
            @if !report.exceptions.is_empty() { (apart(report)) }
            (messages(report, in_full))
            p { "All below is about number " (in_full + 1) ", the one told in full. " a href=(format!("/cases/{number}/evidence")) { "Say which message is meant" } " to have another one told." }
        }
    }
}

fn shared(number: u64, report: &Report, group: &SharedCause, in_full: usize) -> Markup {
    let cause = &group.cause;
    let mut of: Vec<u64> = group.of.iter().map(|copy| copy.message).collect();
    of.dedup();
    html! {
        article.card.(findings::class(cause.standing)) {
            h3 { (findings::standing(cause.standing)) code { (visible(&cause.id)) } " shared by " (group.messages) " messages" }
            p.soft {
                (cause.layer.word()) " · " (visible(&cause.system))
                @if let Some(policy) = cause.policy.as_ref().or(cause.policy_kind.as_ref()).or(cause.reply.as_ref()) { " · " (visible(policy)) }
                " · " (group.copies) " copies"
            }
            p { (visible(&cause.statement)) (cites::links(number, &cause.cites)) }
            @if let (Some(first), Some(last)) = (group.first, group.last) {
                p.soft { "From " (instant(first)) " to " (instant(last)) ", " (group.delivered_between) " delivered between." }
            }
            p {
                "Which: "
                @for at in of.iter().take(MAX_OF_CAUSE) {
                    @let index = usize::try_from(*at).unwrap_or(usize::MAX);
                    @if report.messages.get(index).is_some() && index < MAX_LISTED {
                        a href=(format!("#message-{}", at + 1)) { (at + 1) } @if index == in_full { " (in full)" } " "
                    }
                }
                @if of.len() > MAX_OF_CAUSE { "and " (of.len() - MAX_OF_CAUSE) " more" }
            }
        }
    }
}

/// The copies that share their cause with no other message.
fn apart(report: &Report) -> Markup {
    html! {
        h3 { "Apart from them" }
        ul {
            @for one in report.exceptions.iter().take(MAX_OF_CAUSE) {
                li {
                    "Number " (one.copy.message + 1) ", " (visible(&one.copy.envelope_recipient)) ": " (one.fate.word())
                    @if let Some(cause) = &one.cause { " " code { (visible(cause)) } } ". " (visible(&one.differs))
                }
            }
            @if report.exceptions.len() > MAX_OF_CAUSE { li { (report.exceptions.len() - MAX_OF_CAUSE) " more" } }
        }
    }
}

fn messages(report: &Report, in_full: usize) -> Markup {
    html! {
        table.stack.messages {
            caption { "The messages by time." }
            thead { tr { th scope="col" { "No." } th scope="col" { "Time" } th scope="col" { "Message" } th scope="col" { "What became of it" } th scope="col" { "Cause" } } }
            tbody {
                @for (at, one) in report.messages.iter().take(MAX_LISTED).enumerate() { (message(at, one, at == in_full)) }
            }
        }
        @if report.messages.len() > MAX_LISTED { p.soft { (report.messages.len() - MAX_LISTED) " more messages." } }
    }
}

fn message(at: usize, one: &FollowedMessage, is_in_full: bool) -> Markup {
    let mut fates: Vec<&str> = one.copies.iter().map(|copy| copy.fate.word()).collect();
    fates.sort_unstable();
    fates.dedup();
    html! {
        tr id=(format!("message-{}", at + 1)) aria-current=[is_in_full.then_some("true")] {
            th scope="row" data-label="no." { (at + 1) @if is_in_full { " " a href="#way" { "in full" } } }
            td.when data-label="time" { @if let Some(at) = one.at { (instant(at)) } @else { "not stated" } }
            td data-label="message" {
                (visible(one.message.subject.as_deref().unwrap_or("no subject")))
                p.soft { code { (visible(one.message.message_id.as_deref().unwrap_or("no Message-ID"))) } }
                @for why in one.not_counted.iter().chain(&one.caution) { p.soft { (visible(why)) } }
            }
            td data-label="what became of it" { (fates.join(", ")) @if one.copies.len() > 1 { " (" (one.copies.len()) " copies)" } }
            td data-label="cause" {
                @match &one.cause {
                    Some(cause) => { (findings::standing(cause.standing)) code { (visible(&cause.id)) } }
                    None => { @if one.shown { span.soft { "none" } } @else { span.conflict { "? not shown" } } }
                }
            }
        }
    }
}

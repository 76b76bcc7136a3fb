//! What is wrong with one setting by itself: its end, its use, and what was approved of it.

use evidence::Effect;
use jiff::{SignedDuration, Timestamp};
use sources::policy::{self, Device};

use super::{Around, Audited, Fault, Opening, scopes};
use crate::{Approval, Ends, Grant, History, Radius, vendor};

/// After how many days without a use something is taken for unused: a sender who writes once a month is not.
const UNUSED_DAYS: i64 = 45;

/// Over how many days of history nothing came in, if that is to tell.
const SHOWN_DAYS: i64 = 30;

fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

/// That it is over, or that nobody uses it, as the export shows.
pub(super) fn by_time(around: &Around<'_, '_>, opening: &Opening<'_>) -> Vec<Fault> {
    expired(around, opening).or_else(|| unused(around, opening)).into_iter().collect()
}

/// Devices whose entries the system itself takes away once they are over.
const GO_BY_THEMSELVES: &[Device] = &[Device::ListEntry, Device::SubmittedEntry];

fn expired(around: &Around<'_, '_>, opening: &Opening<'_>) -> Option<Fault> {
    let (standing, now) = (&opening.standing, around.world.now.or(opening.standing.taken())?);
    let over = standing.setting.expires.as_ref()?.at;
    let goes_by_itself = opening.grants.iter().all(|grant| GO_BY_THEMSELVES.contains(&grant.device));
    // An export from before the end does not show that it is still there.
    let may_be_gone = goes_by_itself && standing.taken().is_some_and(|taken| taken < over);
    if over > now || may_be_gone || standing.setting.effect == Effect::Off {
        return None;
    }
    let statement = format!("it was over {over}, and it is still listed: it can be taken away");
    Some(Fault { id: "expired", statement, cites: vec![standing.cite().clone()] })
}

fn unused(around: &Around<'_, '_>, opening: &Opening<'_>) -> Option<Fault> {
    let (standing, setting) = (&opening.standing, opening.standing.setting);
    let as_of = match (standing.taken(), around.world.now) {
        (Some(taken), Some(now)) => taken.min(now),
        (taken, now) => taken.or(now)?,
    };
    let cites = vec![standing.cite().clone()];
    let by_itself = policy::of(&opening.step.product).and_then(|vendor| vendor.ends_unused_after(setting));
    if let Some(used) = &setting.last_used {
        let idle = as_of.duration_since(used.at);
        let ends =
            by_itself.map_or(String::new(), |after| format!("; it ends by itself {after} days after its last use"));
        let statement = format!("it was last used {}{ends}", used.at);
        return (idle >= days(UNUSED_DAYS)).then_some(Fault { id: "unused", statement, cites });
    }
    let since = setting.created.as_ref().or(setting.changed.as_ref())?.at;
    let is_shown = around.shows_use(standing);
    (is_shown && as_of.duration_since(since) >= days(UNUSED_DAYS)).then(|| {
        let statement = format!("it was never used since {since}: the export shows when others of it were");
        Fault { id: "unused", statement, cites }
    })
}

/// That nothing at all came in over a history that would show it.
pub(super) fn by_radius(audited: &Audited, radius: &Radius, history: &History) -> Option<Fault> {
    let (from, to) = (history.from?, history.to?);
    let from = audited.made_at.map_or(from, |made| made.max(from));
    let gap = |(start, end): &(Timestamp, Timestamp)| {
        (*end).min(to).duration_since((*start).max(from)).max(SignedDuration::ZERO)
    };
    let gaps = history.gaps.iter().map(gap).fold(SignedDuration::ZERO, SignedDuration::saturating_add);
    let shown = to.duration_since(from).saturating_sub(gaps);
    let is_told = audited.faults.iter().any(|fault| ["unused", "expired"].contains(&fault.id));
    let is_empty = radius.messages == 0 && radius.possible == 0;
    let is_of_it = history.rows.iter().any(|(source, rows)| *rows > 0 && is_of(&audited.product, source));
    if is_told || !is_empty || !is_of_it || !audited.acts || shown < days(SHOWN_DAYS) {
        return None;
    }
    let statement = format!("nothing that it would let through came in from {from} to {to}");
    Some(Fault { id: "unused", statement, cites: audited.cites.iter().take(1).cloned().collect() })
}

/// Whether a kind of export shows the mail of a product.
fn is_of(product: &evidence::Product, source: &str) -> bool {
    use evidence::Product::{Amavis, ExchangeOnline, Mimecast, Postfix, Rspamd};
    let folder = source.split('/').next().unwrap_or_default();
    match product {
        ExchangeOnline => ["exchange-online", "defender"].contains(&folder),
        Mimecast => folder == "mimecast",
        Postfix | Rspamd | Amavis => ["postfix", "rspamd", "amavis"].contains(&folder),
        _ => false,
    }
}

/// One thing that was approved.
pub(super) struct Approved<'p> {
    approval: &'p Approval,
    grant: Grant,
}

/// All that was approved.
pub(super) fn approved(approvals: &[Approval]) -> Vec<Approved<'_>> {
    let of_approval = |approval: &'_ Approval| -> Vec<Grant> {
        let steps = approval.scope().steps.iter();
        steps.filter_map(|step| Some(vendor::of(&step.product)?.grants(step))).flatten().collect()
    };
    approvals
        .iter()
        .flat_map(|approval| of_approval(approval).into_iter().map(move |grant| Approved { approval, grant }))
        .collect()
}

/// By which approvals a setting is covered, and whether it is wider or lasts longer than the one for it.
pub(super) fn by_approval(around: &Around<'_, '_>, opening: &Opening<'_>) -> (Option<String>, Option<Fault>) {
    let of_it: Vec<&Approved<'_>> = around.approvals.iter().filter(|one| one.is_for(opening)).collect();
    let Some(nearest) = of_it.first() else { return (None, None) };
    let covering: Vec<&&Approved<'_>> =
        of_it.iter().filter(|one| one.approval.ends() >= around.world.now.unwrap_or(Timestamp::MIN)).collect();
    let is_covered = |grant: &Grant| covering.iter().any(|one| one.excess(grant).is_none());
    if !opening.grants.is_empty() && opening.grants.iter().all(is_covered) {
        let approval = nearest.approval;
        let said = format!(
            "approved by {} ({}) {}, until {}",
            approval.who(),
            approval.role(),
            approval.when(),
            approval.ends()
        );
        return (Some(said), None);
    }
    let first_excess = opening.grants.iter().find(|grant| !is_covered(grant));
    let why = first_excess.and_then(|grant| nearest.excess(grant));
    let ended = || format!("the approval ended {}, and it still stands", nearest.approval.ends());
    let statement =
        format!("{} (approved by {}, {})", why.unwrap_or_else(ended), nearest.approval.who(), nearest.approval.file());
    let fault = Fault { id: "wider-than-approved", statement, cites: vec![opening.standing.cite().clone()] };
    (None, Some(fault))
}

impl Approved<'_> {
    /// Whether it is about a setting: by the same device, and of the same name, the same mail, or part of it.
    fn is_for(&self, opening: &Opening<'_>) -> bool {
        let is_named = |name: &str| !name.is_empty() && self.grant.name.eq_ignore_ascii_case(name);
        opening.grants.iter().any(|grant| {
            let (own, other) = (scopes::loose(&self.grant.scope), scopes::loose(&grant.scope));
            let is_of_the_mail = own.is_within(&other) || other.is_within(&own);
            let says_something = |scope: &crate::Scope| !scope.terms.is_empty();
            grant.product == self.grant.product
                && grant.device == self.grant.device
                && (is_named(&grant.name) || is_of_the_mail && says_something(&own))
        })
    }

    /// In which way something is wider or later than this; `None` if it is not.
    fn excess(&self, grant: &Grant) -> Option<String> {
        if !scopes::loose(&grant.scope).is_within(&scopes::loose(&self.grant.scope)) {
            return Some(format!("it is for {}, and what was approved is for {}", grant.scope, self.grant.scope));
        }
        let until = self.approval.ends();
        // Where the device knows no end, or its own, the very same was approved.
        let is_as_approved = match (grant.ends, self.grant.ends) {
            (Ends::Unused(own), Ends::Unused(approved)) => own <= approved,
            (Ends::DeviceHasNone, Ends::DeviceHasNone) => true,
            _ => false,
        };
        let by_approval = is_as_approved || grant.ends.is_by(Ends::At(until));
        let by_grant = grant.ends.is_by(self.grant.ends) || self.grant.ends == Ends::NotSaid;
        match by_approval && by_grant {
            true => None,
            false => Some(match grant.ends {
                Ends::At(at) => format!("it ends {at}, later than what was approved"),
                Ends::Unused(days) => {
                    format!("it ends only {days} days after its last use, and the approval ends {until}")
                }
                Ends::NotSaid => return None,
                _ => format!("it has no end, and the approval ends {until}"),
            }),
        }
    }
}

//! The rows of sign-in logs: what each of them did, on which side.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{SignIn, SignInKind, SignInOutcome, SourceId};
use jiff::{SignedDuration, Timestamp};

use super::codes::{self, Code, Does};
use crate::symptoms::{Stated, Survey};

/// The gateway's own record of logons.
pub(super) const GATEWAY: SourceId = "mimecast/audit-events";
/// The identity provider's sign-in log.
pub(super) const PROVIDER: SourceId = "entra/sign-ins";

/// The unified audit log, which has the provider's sign-ins too.
const UNIFIED: SourceId = "exchange-online/audit-log";

/// Clocks of two services differ by no more than this.
pub(super) const CLOCKS: SignedDuration = SignedDuration::from_secs(10);

/// Which system asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    /// The gateway.
    Gateway,
    /// The identity provider.
    Provider,
}

/// What one row did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    /// A further step was asked for.
    Asked,
    /// Name or password were wrong, or the account is locked.
    Credentials,
    /// Something else refused.
    Refused,
    /// A device was enrolled.
    Enrolled,
    /// Signed in.
    Good,
}

/// One row of a log.
#[derive(Clone, Debug)]
pub(super) struct Row<'a> {
    pub(super) stated: Stated<'a, SignIn>,
    pub(super) at: Timestamp,
    pub(super) side: Side,
    pub(super) source: SourceId,
    /// Lower case.
    pub(super) who: String,
    /// Lower case; empty if the row names none.
    pub(super) app: String,
    pub(super) deed: Deed,
    pub(super) code: Option<&'static Code>,
    /// Whether a client signed in on behalf of the person: such rows make no attempt.
    pub(super) is_silent: bool,
}

impl Row<'_> {
    pub(super) fn fact(&self) -> &SignIn {
        self.stated.fact
    }

    pub(super) fn ip(&self) -> Option<&str> {
        self.fact().from.as_ref().and_then(|peer| peer.ip.as_deref())
    }

    /// The first value of a detail, whatever the case and blanks of its name.
    pub(super) fn detail(&self, name: &str) -> Option<&str> {
        let is_meant =
            |said: &str| said.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).eq(name.chars());
        let found = self.fact().details.iter().find(|property| is_meant(&property.name))?;
        found.values.first().map(String::as_str)
    }

    /// The session as the log names it: the browser's, else that which the client chose.
    pub(super) fn session(&self) -> Option<&str> {
        self.fact().session.as_deref()
    }

    /// Why the gateway refused, in our word; the provider tells it by its codes.
    pub(super) fn refusal(&self) -> Option<&'static str> {
        let reason = self.fact().reason.as_deref().filter(|_| self.side == Side::Gateway)?;
        codes::within("reason", reason)
    }

    /// The same failure told a second time, with the record of the address.
    pub(super) fn is_second_telling(&self) -> bool {
        self.side == Side::Gateway
            && self.deed != Deed::Good
            && self.fact().client.is_none()
            && self.fact().steps.is_empty()
    }

    /// Whether the row tells that the person sat at a prompt: a step that was not just remembered.
    pub(super) fn is_prompted(&self) -> bool {
        let steps = &self.fact().steps;
        self.deed == Deed::Asked
            || steps.iter().any(|step| codes::within("satisfied", step).is_none() && step.contains("succeeded"))
    }
}

/// All sign-ins that matter, by time; rows of one instant in an order of their own, whatever the order of the files.
pub(super) fn rows<'a>(survey: &Survey<'a>) -> Vec<Row<'a>> {
    let unattended: BTreeSet<String> =
        survey.jobs().iter().filter_map(|job| job.fact.identity.as_deref()).map(str::to_lowercase).collect();
    let mut rows: Vec<Row<'a>> = survey.sign_ins().into_iter().filter_map(row).collect();
    rows.retain(|row| !unattended.contains(&row.who));
    leave_out_twins(&mut rows);
    rows.sort_by(|a, b| {
        let key = |row: &Row<'a>| (row.at, row.is_second_telling(), row.deed);
        let names = |row: &Row<'a>| (row.source, row.who.clone(), row.app.clone(), row.fact().request.clone());
        key(a).cmp(&key(b)).then_with(|| names(a).cmp(&names(b)))
    });
    rows
}

/// Leaves out sign-ins that another log tells as well, with less: the provider's own log counts.
fn leave_out_twins(rows: &mut Vec<Row<'_>>) {
    let mut told: BTreeMap<(String, Option<i64>), Vec<Timestamp>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.source == PROVIDER) {
        told.entry((row.who.clone(), row.fact().error_code)).or_default().push(row.at);
    }
    rows.retain(|row| {
        let times = told.get(&(row.who.clone(), row.fact().error_code)).filter(|_| row.source == UNIFIED);
        times.is_none_or(|times| {
            let from = row.at.checked_sub(CLOCKS).unwrap_or(row.at);
            let near = times.get(times.partition_point(|at| *at < from));
            near.is_none_or(|near| near.duration_since(row.at) > CLOCKS)
        })
    });
}

fn row(stated: Stated<'_, SignIn>) -> Option<Row<'_>> {
    let fact = stated.fact;
    let at = stated.at()?;
    let source = stated.source();
    let side = if source == GATEWAY { Side::Gateway } else { Side::Provider };
    let who = fact.who.as_deref()?.trim().to_lowercase();
    if who.is_empty()
        || who == "not available"
        || matches!(fact.kind, SignInKind::ServicePrincipal | SignInKind::ManagedIdentity)
    {
        return None;
    }
    let code = fact.error_code.and_then(codes::code);
    let said = || fact.details.iter().flat_map(|detail| &detail.values).chain(&fact.steps).chain(&fact.reason);
    // Somebody who declines a challenge did not ask for it: that is an attack, no loop.
    if said().any(|text| codes::within("declined", text).is_some()) {
        return None;
    }
    let is_unattended = fact.client.iter().chain(fact.details.iter().flat_map(|detail| &detail.values));
    if side == Side::Provider && is_unattended.into_iter().any(|text| codes::within("unattended", text).is_some()) {
        return None;
    }
    let deed = deed(fact, side, code)?;
    let app = fact.application.as_deref().unwrap_or_default().trim().to_lowercase();
    let is_silent = fact.kind == SignInKind::NonInteractive;
    Some(Row { stated, at, side, source, who, app, deed, code, is_silent })
}

fn deed(fact: &SignIn, side: Side, code: Option<&'static Code>) -> Option<Deed> {
    if fact.outcome == SignInOutcome::Succeeded {
        let is_enrolment = side == Side::Gateway && fact.steps.iter().any(|step| step == "device enrolment");
        return Some(if is_enrolment { Deed::Enrolled } else { Deed::Good });
    }
    if let Some(code) = code {
        return Some(match code.does {
            Does::Asks => Deed::Asked,
            Does::Credentials => Deed::Credentials,
            Does::Refuses => Deed::Refused,
        });
    }
    Some(match fact.outcome {
        SignInOutcome::Succeeded => Deed::Good,
        SignInOutcome::Interrupted => Deed::Asked,
        SignInOutcome::Failed => {
            let reason = fact.reason.as_deref().unwrap_or_default();
            match codes::within("reason", reason) {
                Some("wrong_password" | "locked") => Deed::Credentials,
                _ => Deed::Refused,
            }
        }
        SignInOutcome::NotSaid => return None,
    })
}

/// Whether an application of the provider is the gateway, by its name.
pub(super) fn is_gateway(app: &str) -> bool {
    codes::within("gateway_application", app).is_some()
}

/// A refusal that is none of authorization: who may not use an application is not asked for anything.
pub(super) fn is_refusal(row: &Row<'_>) -> bool {
    row.deed == Deed::Refused && !matches!(row.fact().error_code, Some(NOT_ASSIGNED | NOT_CONSENTED))
}

/// The codes of authorization.
const NOT_ASSIGNED: i64 = 50105;
const NOT_CONSENTED: i64 = 65001;

/// A failure of a logon method that is gone, at the gateway.
pub(super) fn is_old_method(row: &Row<'_>) -> bool {
    let method = row.fact().client.as_deref().unwrap_or_default();
    row.side == Side::Gateway
        && matches!(row.deed, Deed::Credentials | Deed::Refused)
        && codes::within("method", method) == Some("old")
}

/// Whether a row asks anew because what was given before has run out.
pub(super) fn has_run_out(row: &Row<'_>) -> bool {
    let says = row.code.is_some_and(|code| code.cause.as_deref() == Some("sign-in-frequency"));
    says || (row.deed == Deed::Asked && names_a_frequency(row))
}

/// Whether a row names a sign-in frequency that applied.
pub(super) fn names_a_frequency(row: &Row<'_>) -> bool {
    let lifetimes = row.fact().details.iter().filter(|one| one.name.to_lowercase().contains("sessionlifetime"));
    let mut lifetimes = lifetimes.flat_map(|one| &one.values);
    let mut policies =
        row.fact().policies.iter().filter(|policy| is_applied(&policy.result)).flat_map(|policy| &policy.controls);
    let is_meant = |text: &String| codes::within("frequency", text).is_some();
    lifetimes.any(is_meant) || policies.any(is_meant)
}

/// Whether an access policy took part in a sign-in, by its result.
pub(super) fn is_applied(result: &str) -> bool {
    let result = result.to_lowercase();
    !(result.starts_with("not") || result.starts_with("report") || result.starts_with("unknown") || result.is_empty())
}

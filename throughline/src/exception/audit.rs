//! `audit-exceptions`: what lets mail through already.

use std::path::Path;

use exceptions::{Approval, Audited, Exception, Radius, Refused, Scope, World};
use report::{BypassAudit, MeasuredHistory, RecordedApproval};
use sources::proposed::Candidate;

use super::{Found, Work, approval, around, stray_approvals};
use crate::cli::AuditExceptions;
use crate::failure::Failure;
use crate::supply::Supply;
use crate::{excerpt, output, survey, times};

/// Lists what lets mail through, the widest first; gives the exit status: 1 if no export of settings is among the files.
///
/// # Errors
/// [`Failure`] if there is no answer.
pub fn run(options: &AuditExceptions) -> Result<u8, Failure> {
    let clock = times::clock(&options.clocks, None)?;
    let approvals: Vec<Approval> =
        options.approval.iter().map(|path| approval(path, &clock)).collect::<Result<_, _>>()?;
    let named: Vec<&Path> = options.approval.iter().map(AsRef::as_ref).collect();
    let supply = Supply::open(&options.paths).without(&named);
    let inputs = supply.inputs();
    supply.require_readable(&inputs)?;
    let work = Work::of(&supply, &inputs, &clock, &options.clocks);
    let (small, too_large) = survey::small(&inputs);
    let ledger = around(&small, &clock)?;
    let lake = ledger.around();
    let world = World { lake, needs: &[], now: work.now(lake, &Found::default()) };
    let mut audited = exceptions::audit(&world);
    let history = measure(&work, &mut audited)?;
    let samples = work.samples();
    let covers = |one: &Audited| approvals.iter().find(|approval| is_covered(one, approval, &samples, &world));
    let mut assumptions: Vec<String> = survey::not_looked_at(&too_large).chain(survey::left_out(&ledger)).collect();
    assumptions.extend(stray_approvals(&inputs));
    let has_settings = world.settings().next().is_some();
    if !has_settings {
        assumptions.push("No export of settings is among the files: what lets mail through is not shown.".to_owned());
    }
    let mut document = BypassAudit::of(
        &audited,
        |one| covers(one).map(RecordedApproval::from),
        history,
        assumptions,
        work.evidence(lake, &too_large),
    );
    excerpt::add(&inputs, |visit| document.each_cite(visit));
    output::print(&output::page(&document, &document.sheet(), &options.output)?)?;
    Ok(u8::from(!has_settings))
}

/// Measures what each lets through: of several ways, the widest counts.
fn measure(work: &Work<'_>, audited: &mut [Audited]) -> Result<MeasuredHistory, Failure> {
    let mut scopes: Vec<Scope> = audited.iter().flat_map(|one| &one.grants).map(|grant| grant.scope.clone()).collect();
    scopes.sort();
    scopes.dedup();
    let measured = work.measure(&scopes)?;
    let history = MeasuredHistory::from(&measured.history);
    if history.has_rows() {
        let radius = |scope: &Scope| measured.radii.get(scopes.binary_search(scope).ok()?).cloned();
        for one in audited {
            let radii = one.grants.iter().filter_map(|grant| radius(&grant.scope));
            one.radius = radii.max_by_key(|radius: &Radius| (radius.messages, radius.possible));
        }
    }
    Ok(history)
}

/// Whether an approval covers something that is set up: as if it were proposed now.
fn is_covered(one: &Audited, approval: &Approval, samples: &[String], world: &World<'_>) -> bool {
    let candidate = Candidate { steps: vec![one.step.clone()], unread: Vec::new() };
    match Exception::narrow(exceptions::check(&candidate, world)) {
        Ok(_) => false,
        Err(refused) => match *refused {
            Refused::Broad(broad) => Exception::approved(broad, approval.clone(), samples, world.now).is_ok(),
            Refused::Useless(_) => false,
        },
    }
}

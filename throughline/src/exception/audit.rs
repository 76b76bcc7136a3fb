//! `audit-exceptions`: what lets mail through already.

use std::path::Path;

use exceptions::{Approval, World};
use report::{BypassAudit, MeasuredHistory};

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
    let audited = exceptions::audit(&world, &approvals);
    let measured = work.measure(&audited.scopes)?;
    let audited = audited.with_radii(&measured);
    let unnamed = audited.unnamed();
    let users = work.users(&unnamed)?;
    let audited = audited.with_users(&unnamed, &users, &world);
    let mut assumptions: Vec<String> = survey::not_looked_at(&too_large).chain(survey::left_out(&ledger)).collect();
    assumptions.extend(stray_approvals(&inputs));
    let has_settings = world.settings().next().is_some();
    if !has_settings {
        assumptions.push("No export of settings is among the files: what lets mail through is not shown.".to_owned());
    }
    let history = MeasuredHistory::from(&measured.history);
    let mut document = BypassAudit::of(&audited, history, assumptions, work.evidence(lake, &too_large));
    excerpt::add(&inputs, |visit| document.each_cite(visit));
    output::print(&output::page(&document, &document.sheet(), &options.output)?)?;
    Ok(u8::from(!has_settings))
}

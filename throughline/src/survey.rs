//! Every row of every file, and the symptoms that they show.

use std::collections::HashMap;

use findings::symptoms::{self, Survey};
use jiff::Timestamp;
use lake::Ledger;
use report::{FindingKind, Report, Standing, Surveyed};
use sources::{Clock, Input, Progress as _};

use crate::failure::Failure;
use crate::progress::Meter;

/// Beside a followed message, symptoms are looked for in files up to this size: more takes longer than the message itself.
const SMALL_MAX_BYTES: usize = 64 << 20;

/// The files in which symptoms are looked for beside a message, and the names of those that are too large for that.
pub fn small<'a>(inputs: &[Input<'a>]) -> (Vec<Input<'a>>, Vec<String>) {
    let (small, large): (Vec<&Input<'a>>, Vec<&Input<'a>>) =
        inputs.iter().partition(|input| input.bytes.len() <= SMALL_MAX_BYTES);
    (small.into_iter().cloned().collect(), large.into_iter().map(|input| input.name.to_string()).collect())
}

/// Reads every row of some files.
///
/// # Errors
/// [`Failure::Stopped`] if the user stopped it.
pub fn read<'a>(inputs: &'a [Input<'a>], clock: &Clock) -> Result<Ledger<'a>, Failure> {
    let meter = Meter::start(inputs.iter().map(|input| input.bytes.len() as u64).sum());
    let ledger = Ledger::read(inputs, clock, &meter);
    meter.finish();
    if meter.is_cancelled() { Err(Failure::Stopped) } else { Ok(ledger) }
}

/// The report of what all rows show where no message is singled out, and why none is; `None` if there is nothing in them but
/// messages, and no symptom.
pub fn alone(
    ledger: &Ledger<'_>,
    now: Option<Timestamp>,
    hashes: &HashMap<String, String>,
    why: &str,
) -> Option<Report> {
    let found = symptoms::find(&Survey::of(ledger, None, now));
    if found.is_empty() && ledger.entries().is_empty() {
        return None;
    }
    let shown =
        if found.is_empty() { "No symptom is recognised in all rows." } else { "What is said rests on all rows." };
    let surveyed = Surveyed {
        lake: ledger.around(),
        findings: &found,
        next_steps: &symptoms::steps(&found),
        because: &format!("No message is followed ({why}). {shown}"),
    };
    Some(report::surveyed(&surveyed, |file| hashes.get(file).cloned()))
}

/// What was not looked at for symptoms, one sentence a file.
pub fn not_looked_at(files: &[String]) -> impl Iterator<Item = String> {
    files.iter().map(|file| {
        format!("{file}: too large to look for symptoms beside a message; `throughline symptoms --in` reads all of it")
    })
}

/// That rows were left out, because there are too many to keep; what was found stands, and more may be there.
pub fn left_out(ledger: &Ledger<'_>) -> Option<String> {
    let count = ledger.left_out();
    (count > 0).then(|| {
        format!(
            "{count} rows were left out of the look for symptoms: there are too many; take exports of a shorter time"
        )
    })
}

/// 0 if a symptom is shown, else 1.
pub fn status(report: &Report) -> u8 {
    let is_shown = |standing| matches!(standing, Standing::Proved | Standing::Likely);
    let symptoms = report.findings.iter().filter(|finding| finding.kind == FindingKind::Symptom);
    u8::from(!symptoms.into_iter().any(|finding| is_shown(finding.standing)))
}

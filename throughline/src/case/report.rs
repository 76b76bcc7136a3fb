//! `case report`: figures over the cases of the store.

use ::case::{AskedFigures, FIGURES_DEEDS, Figures, Store as _, Wanted};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::desk::Desk;
use crate::cli::case::ReportCases;
use crate::failure::Failure;
use crate::{output, times};

/// Counts the cases of the store; gives the exit status: 1 if no case fits.
///
/// # Errors
/// [`Failure`] if there is no answer.
pub fn run(options: &ReportCases) -> Result<u8, Failure> {
    let day = |option: &str, value: &Option<String>| -> Result<Option<Timestamp>, Failure> {
        value.as_deref().map(|text| times::instant(option, text, &TimeZone::UTC)).transpose()
    };
    let (from, to) = (day("--from", &options.from)?, day("--to", &options.to)?);
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        return Err(Failure::Usage {
            what: "--to".to_owned(),
            expected: "a day after that of --from".to_owned(),
            found: format!("`{}`", options.to.as_deref().unwrap_or_default().escape_debug()),
            hint: "The day of --to is not counted any more".to_owned(),
        });
    }
    let desk = Desk::open(&options.store, &options.clocks)?;
    let wanted = Wanted { client: options.client.clone(), ..Wanted::default() };
    let cases = desk.store.list(&wanted)?;
    let entries = desk.store.done(&FIGURES_DEEDS)?;
    let asked = AskedFigures { client: options.client.clone(), from, to, now: desk.now() };
    let figures = Figures::of(&cases, &entries, &asked);
    output::print(&output::page(&figures, &figures.sheet(), &options.output)?)?;
    Ok(u8::from(figures.cases == 0))
}

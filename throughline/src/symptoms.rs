//! `symptoms`: the catalogue for people who have no more than a symptom, and what the records show of it.

use findings::symptoms::{self, Guide, Survey};
use jiff::Timestamp;
use report::{Report, Surveyed, Symptoms};

use crate::cli::{self, Format};
use crate::failure::Failure;
use crate::supply::{Hashed, Supply};
use crate::{excerpt, output, survey, times};

/// Prints all symptoms, the page of one, those that words fit, or what records show of them; gives the exit status: 1 if none is
/// shown, or none fits.
///
/// # Errors
/// [`Failure`] if there is no such symptom, or nothing to read.
pub fn run(options: &cli::Symptoms) -> Result<u8, Failure> {
    let guided = asked(&options.asked, symptoms::guides())?;
    if options.paths.is_empty() || guided.symptoms.is_empty() {
        print(&guided, &options.output)?;
        return Ok(u8::from(guided.symptoms.is_empty()));
    }
    let clock = times::clock(&options.clocks, None)?;
    let supply = Supply::open(&options.paths);
    let inputs = supply.inputs();
    supply.require_readable(&inputs)?;
    let (ledger, hashes) = std::thread::scope(|scope| {
        let hashes = scope.spawn(|| supply.hashes(Hashed::by(options.hash_all)));
        (survey::read(&inputs, &clock), hashes.join())
    });
    let (ledger, hashes) = (ledger?, hashes.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
    let mut report = found(&ledger, times::now(&options.clocks), &hashes);
    report.evidence.extend(supply.refused());
    report.assumptions.extend(survey::left_out(&ledger));
    let mut guided = guided.with_report(report);
    excerpt::add(&inputs, |visit| guided.each_cite(visit));
    print(&guided, &options.output)?;
    Ok(guided.report.as_ref().map_or(1, survey::status))
}

/// The symptoms that are meant.
///
/// # Errors
/// [`Failure::Usage`] if an id is none.
pub fn asked(asked: &[String], guides: &[Guide]) -> Result<Symptoms, Failure> {
    let words = asked.join(" ");
    if words.trim().is_empty() {
        return Ok(Symptoms::all(guides));
    }
    let as_id = words.split_whitespace().collect::<Vec<_>>().join("-");
    if let Some(guide) = guides.iter().find(|guide| guide.id.eq_ignore_ascii_case(&as_id)) {
        return Ok(Symptoms::one(guide));
    }
    let fits = symptoms::closest(&words);
    if !looks_like_an_id(words.trim()) {
        return Ok(Symptoms::fitting(&words, &fits));
    }
    let near: Vec<&str> = fits.iter().map(|fit| fit.guide.id.as_str()).collect();
    Err(Failure::Usage {
        what: "symptoms".to_owned(),
        expected: "a symptom, or words that say what is seen".to_owned(),
        found: format!("`{}`", words.trim().escape_debug()),
        hint: match near.as_slice() {
            [] => "`throughline symptoms` lists them".to_owned(),
            near => format!("Did you mean {}?", near.join(" or ")),
        },
    })
}

/// One word with a dash within it is meant as an id.
fn looks_like_an_id(words: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric());
    words.contains('-') && words.split('-').all(is_part)
}

/// What all rows show.
fn found(
    ledger: &lake::Ledger<'_>,
    now: Option<Timestamp>,
    hashes: &std::collections::HashMap<String, String>,
) -> Report {
    let found = symptoms::find(&Survey::of(ledger, None, now));
    let surveyed = Surveyed {
        lake: ledger.around(),
        findings: &found,
        next_steps: &symptoms::steps(&found),
        because: "No message is followed. What is said rests on every row of every file.",
    };
    report::surveyed(&surveyed, |file| hashes.get(file).cloned())
}

fn print(guided: &Symptoms, options: &cli::Output) -> Result<(), Failure> {
    output::print(&match options.format {
        Format::Text => report::symptoms_terminal(guided, output::terminal(options)),
        Format::Markdown => report::symptoms_markdown(guided),
        Format::Html => report::symptoms_html(guided),
        Format::Json => output::json(guided)?,
    })
}

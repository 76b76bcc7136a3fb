//! `headers`: what a sample's header tells by itself.

use evidence::Observation;
use report::{HEADERS_SCHEMA, Headers, HeadersMessage, SampleHeaders, VendorField};
use sources::{HeaderSheet, Input};

use crate::cli;
use crate::failure::Failure;
use crate::sample::Sample;
use crate::{output, times};

/// Reads one sample's header and prints what it tells.
///
/// # Errors
/// [`Failure`] if there is no answer.
pub fn run(options: &cli::Headers) -> Result<(), Failure> {
    let clock = times::clock(&options.clocks, None)?;
    let sample = Sample::open(&options.file, &clock)?;
    let observations = sample.observations();
    let file = sample.file();
    let input = Input { name: file.name.clone(), bytes: &file.bytes };
    let all = sources::header_sheet(&input).unwrap_or_default();
    // Where a message only carries the one that is followed, that one's fields are meant.
    let sheet = all.carried.as_deref().filter(|carried| holds(carried, &observations)).unwrap_or(&all);
    let headers = Headers {
        schema: HEADERS_SCHEMA.to_owned(),
        source: sample.source.to_owned(),
        message: HeadersMessage::of(&observations),
        sample: SampleHeaders::of(&observations, &options.trust),
        vendor_fields: VendorField::of(sheet),
        fields: sample.reading.rows,
        problems: sample.reading.problems.iter().map(report::Problem::from).collect(),
    };
    output::print(&output::page(&headers, &headers.sheet(), &options.output)?)
}

/// Whether a sheet is that of the fields that were read.
fn holds(sheet: &HeaderSheet, observations: &[&Observation]) -> bool {
    let is_there = |one: &&Observation| sheet.fields.iter().any(|field| field.cite.bytes == one.cite.bytes);
    observations.iter().any(|one| is_there(one))
}

//! `headers`: what a sample's header tells by itself.

use report::{HEADERS_SCHEMA, Headers, HeadersMessage, SampleHeaders};

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
    let headers = Headers {
        schema: HEADERS_SCHEMA.to_owned(),
        source: sample.source.to_owned(),
        message: HeadersMessage::of(&observations),
        sample: SampleHeaders::of(&observations, &options.trust),
        vendor_fields: Vec::new(),
        fields: sample.reading.rows,
        problems: sample.reading.problems.iter().map(report::Problem::from).collect(),
    };
    output::print(&output::page(&headers, &headers.sheet(), &options.output)?)
}

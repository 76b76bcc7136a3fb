//! Files of configuration as text: parts that state how something is set up, one after the other.

use std::ops::Range;
use std::sync::Arc;

use evidence::{Effect, Fact, Observation, Problem, Product, Property, Reading, Setting, SettingClass, System};

use crate::page::Page;
use crate::snapshot::instant_in_name;
use crate::table::setting::bare;
use crate::{Input, Query, ReadError};

/// A part of a text: a line, a block.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    /// Where it stands.
    pub(crate) span: Range<usize>,
    /// What it is.
    pub(crate) says: Says,
}

/// What a part says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Says {
    /// How something is set up, at least one.
    Settings(Vec<Setting>),
    /// Nothing that lets mail through or keeps it out, and why.
    PassedOver(&'static str),
    /// Nothing that can be read.
    Torn {
        /// What was expected.
        expected: &'static str,
        /// What was found.
        found: String,
    },
}

/// Reads a file whose parts a kind tells.
///
/// # Errors
/// [`ReadError`] if the bytes are no text.
pub(crate) fn read(
    input: &Input<'_>,
    query: &Query<'_>,
    product: &Product,
    parts: impl FnOnce(&str) -> Vec<Part>,
) -> Result<Reading, ReadError> {
    let mut page = Page::of(input)?;
    let text = page.text();
    let when = instant_in_name(&input.name, query.clock);
    let mut reading = Reading::default();
    for Part { span, says } in parts(&text) {
        reading.rows += 1;
        let cite = page.cite(span);
        match says {
            Says::Settings(settings) => {
                reading.observed += 1;
                when.iter().for_each(|when| reading.covers(when.at));
                for setting in settings {
                    let (cite, when, about) = (cite.clone(), when.clone(), Arc::default());
                    let (speaker, fact) = (System::of(product.clone()), Fact::Setting(Box::new(setting)));
                    reading.observations.push(Observation { cite, when, speaker, about, fact });
                }
            }
            Says::PassedOver(reason) => reading.pass_over(reason, 1, Some(cite)),
            Says::Torn { expected, found } => {
                reading.problems.push(Problem { cite, expected: expected.to_owned(), found });
            }
        }
    }
    query.progress.advance(input.bytes.len() as u64);
    Ok(reading)
}

/// A parameter with its values, as a setting of its own.
pub(crate) fn parameter(name: &str, values: Vec<String>) -> Setting {
    let properties = vec![Property { name: name.to_owned(), values }];
    let class = SettingClass::GatewayPolicy(name.to_owned());
    Setting { effect: Effect::Acts, properties, ..bare(class, name.to_owned()) }
}

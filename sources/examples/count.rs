//! Counts the rows of a trace by their status, reading every row of it part after part: `count FILE`.

use std::collections::BTreeMap;

use evidence::Fact;
use sources::{Clock, Input, NoProgress, Query, ReadError, Wanted, recognise};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).ok_or("usage: count FILE")?;
    let bytes = std::fs::read(&file)?;
    for (status, count) in statuses(&file, &bytes)? {
        println!("{status} {count}");
    }
    Ok(())
}

fn statuses(name: &str, bytes: &[u8]) -> Result<BTreeMap<String, u64>, Box<ReadError>> {
    let clock =
        Clock { zone: jiff::tz::TimeZone::UTC, zone_label: "UTC".to_owned(), reference: jiff::Timestamp::UNIX_EPOCH };
    let query = Query { wanted: &Wanted::Everything, clock: &clock, progress: &NoProgress };
    let input = Input { name: name.into(), bytes };
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    recognise(bytes, name)?.read_in_parts(&input, &query, &mut |part| {
        for observation in &part.observations {
            if let Fact::Status(status) = &observation.fact {
                match counts.get_mut(&status.said) {
                    Some(count) => *count += 1,
                    None => drop(counts.insert(status.said.clone(), 1)),
                }
            }
        }
    })?;
    Ok(counts)
}

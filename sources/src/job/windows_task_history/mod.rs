//! History of the Windows Task Scheduler: when a task started, what its action returned, why it did not start.

use std::sync::LazyLock;

use evidence::{
    Cite, CopyKey, Fact, JobStage, JobStep, Observation, Problem, Product, Reading, SourceId, System, Unit, When,
};
use serde_json::Value;

use crate::codes::Codes;
use crate::records::{Cells, Grammar, Sieve, Splitter, csv_header, delimiter_of};
use crate::time::{DayOrder, Zoneless, instant};
use crate::{Export, Head, Input, MatchedBy, Query, ReadError, Reader, Recognition, Source, ZoneRule};

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

/// The provider of the events.
const PROVIDER: &str = "TaskScheduler";

/// How many lines are looked at for an event of that provider.
const GLANCE_LINES: usize = 20;

/// The operational log of the Task Scheduler.
pub(crate) struct TaskHistory;

impl Source for TaskHistory {
    fn id(&self) -> SourceId {
        "job/windows-task-history"
    }

    fn title(&self) -> &'static str {
        "Windows scheduled task history"
    }

    fn unit(&self) -> Unit {
        Unit::Event
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Unstated
    }

    fn matched_by(&self) -> MatchedBy {
        MatchedBy::Nothing
    }

    fn export(&self) -> Export {
        Export {
            command: Some(
                "Get-WinEvent -LogName Microsoft-Windows-TaskScheduler/Operational -MaxEvents 5000 | ConvertTo-Json -Depth 3 | Set-Content tasks.json -Encoding utf8",
            ),
            clicks: Some(
                "Event Viewer > Applications and Services Logs > Microsoft > Windows > TaskScheduler > Operational > Save All Events As (CSV)",
            ),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "what the script did: the scheduler sees only the return code of its process, and a script may return 0 after errors",
            "tasks of a machine on which the history is switched off (it is by default), and what the log has overwritten (10 MB)",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        let text = head.text.trim_start();
        if !text.contains(PROVIDER) {
            return Recognition::No;
        }
        let is_json = text.starts_with(['{', '[']) && text.contains("\"Id\"") && text.contains("\"TimeCreated\"");
        let known = is_json || is_csv(text);
        if known { Recognition::Certain } else { Recognition::No }
    }
}

impl Reader for TaskHistory {
    fn read(&self, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
        let page = crate::page::Page::of(input)?.text();
        let is_json = page.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '[']);
        let grammar = if is_json { Grammar::Json { wrappers: &[] } } else { Grammar::Csv };
        let mut splitter = Splitter::new(input, grammar)?;
        let records = splitter.split(&Sieve::All, query)?.records;
        let mut cells = Cells::new(csv_header(&page).map_or(b',', |(header, _)| delimiter_of(header)));
        let read: Vec<(Cite, Result<Event, String>)> = records
            .iter()
            .map(|record| {
                let event = if is_json { of_json(&record.text) } else { of_cells(cells.of(&record.text)) };
                (record.cite(&input.name), event)
            })
            .collect();
        let dates = read.iter().filter_map(|(_, event)| event.as_ref().ok()).map(|event| event.at.as_str());
        let (order, _) = DayOrder::of(dates);
        let mut reading = Reading::default();
        if !is_json {
            let label = &query.clock.zone_label;
            reading.coverage.limits.push(format!("the file does not record the zone of its times: read as {label}"));
        }
        for (cite, event) in read {
            reading.rows += 1;
            match event {
                Ok(event) => tell(event, cite, order, query, &mut reading),
                Err(found) => {
                    let expected = "an event of the Task Scheduler with its id, time and message".to_owned();
                    reading.problems.push(Problem { cite, expected, found });
                }
            }
        }
        Ok(reading)
    }

    fn spelled(&self, input: &Input<'_>) -> crate::table::Spelled {
        crate::table::Spelled::in_rows(input)
    }
}

/// Whether a text is the CSV of the event viewer, in whichever language: five columns, the third names the provider, the
/// fourth is a number.
fn is_csv(text: &str) -> bool {
    let Some((header, at)) = csv_header(text) else { return false };
    let mut cells = Cells::new(delimiter_of(header));
    if cells.of(header).len() != 5 {
        return false;
    }
    text.get(at..).unwrap_or("").lines().take(GLANCE_LINES).any(|line| {
        let row = cells.of(line);
        row.get(2).is_some_and(|provider| provider.contains(PROVIDER))
            && row.get(3).is_some_and(|id| id.parse::<u32>().is_ok())
    })
}

/// One event.
struct Event {
    at: String,
    id: String,
    level: String,
    message: String,
    host: Option<String>,
    /// Whether the instant states its zone.
    provider: String,
    run: Option<String>,
}

/// Level, Date and Time, Source, Event ID, Task Category, and the message under no name.
fn of_cells(mut cells: Vec<String>) -> Result<Event, String> {
    if cells.len() < 5 {
        return Err(format!("{} cells", cells.len()));
    }
    let message = if cells.len() > 5 { cells.split_off(5).join(",") } else { String::new() };
    let mut cells = cells.into_iter();
    let mut next = || cells.next().unwrap_or_default().trim().to_owned();
    let (level, at, provider, id) = (next(), next(), next(), next());
    Ok(Event { at, id, level, message, host: None, provider, run: None })
}

/// `Get-WinEvent | ConvertTo-Json`.
fn of_json(text: &str) -> Result<Event, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| crate::text::json_fault(&error))?;
    let of = |name: &str| match value.get(name) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(Value::Object(object)) => object.get("value").and_then(Value::as_str).map(str::to_owned),
        _ => None,
    };
    let (Some(id), Some(at)) = (of("Id"), of("TimeCreated")) else {
        return Err("no `Id` or no `TimeCreated`".to_owned());
    };
    Ok(Event {
        at,
        id,
        level: of("LevelDisplayName").unwrap_or_default(),
        message: of("Message").unwrap_or_default(),
        host: of("MachineName").map(|host| host.to_lowercase()),
        provider: of("ProviderName").unwrap_or_default(),
        run: of("ActivityId"),
    })
}

/// States one event; events of other providers are passed over.
fn tell(event: Event, cite: Cite, order: DayOrder, query: &Query<'_>, reading: &mut Reading) {
    if !event.provider.contains(PROVIDER) {
        return reading.pass_over("event of another provider", 1, Some(cite));
    }
    let when: Option<When> = instant(&event.at, order, Zoneless::AsAsked(query.clock));
    when.iter().for_each(|when| reading.covers(when.at));
    let quoted = quoted(&event.message);
    let code = return_code(&event);
    let step = JobStep {
        job: quoted.iter().find(|word| word.starts_with('\\')).or(quoted.first()).cloned().unwrap_or_default(),
        stage: stage(&event, code.as_deref()),
        identity: user(&event.message),
        host: event.host.clone(),
        run: quoted.iter().find(|word| word.starts_with('{')).cloned().or(event.run.clone()),
        code,
        said: format!("event {}: {}", event.id, event.message.trim()),
    };
    reading.observed += 1;
    let product = Product::Other("Windows Task Scheduler".to_owned());
    let speaker = System { product, instance: event.host };
    reading.observations.push(Observation {
        cite,
        when,
        speaker,
        about: CopyKey::default().into(),
        fact: Fact::Job(step),
    });
}

/// What stands in quotes, in whichever language: the task, its instance, its action.
fn quoted(message: &str) -> Vec<String> {
    let parts = message.split('"').skip(1).step_by(2).take(8);
    parts.map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// The account that a message names: `for user "EXAMPLE\svc-mail"`, one machine or domain and one name.
fn user(message: &str) -> Option<String> {
    const PROGRAMS: [&str; 6] = [".exe", ".ps1", ".cmd", ".bat", ".vbs", ".com"];
    let is_program = |name: &str| PROGRAMS.iter().any(|ending| name.to_ascii_lowercase().ends_with(ending));
    quoted(message).into_iter().find(|word| {
        word.split_once('\\').is_some_and(|(domain, name)| {
            !domain.is_empty() && !word.contains([':', '/']) && !name.contains('\\') && !is_program(name)
        })
    })
}

/// The number with which the message of a completed action ends.
fn return_code(event: &Event) -> Option<String> {
    if CODES.means("Event ID", &event.id) != Some("action_completed") && !event.message.contains("Error Value") {
        return None;
    }
    let digits = event.message.trim_end().trim_end_matches('.').rsplit(|c: char| !c.is_ascii_digit()).next()?;
    (!digits.is_empty()).then(|| digits.to_owned())
}

fn stage(event: &Event, code: Option<&str>) -> JobStage {
    match CODES.means("Event ID", &event.id) {
        Some("action_completed") => match code {
            Some("0") => JobStage::Succeeded,
            Some(_) => JobStage::Failed,
            None => JobStage::Ended,
        },
        Some(word) => super::stage(word).unwrap_or(JobStage::Output),
        None => match CODES.means("Level", &event.level).and_then(super::stage) {
            Some(stage) => stage,
            None => JobStage::Output,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;

    #[test]
    fn every_code_is_known() {
        codes::check_codes(&CODES, |code| {
            code.means == "action_completed" || super::super::stage(&code.means).is_some()
        });
    }
}

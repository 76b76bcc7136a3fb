//! PowerShell transcripts: when a script ran, as whom, and which warnings and errors it wrote.

use std::ops::Range;
use std::sync::LazyLock;

use evidence::{CopyKey, Fact, JobStage, JobStep, Observation, Product, Reading, SourceId, System, Unit, When};
use jiff::civil::DateTime;

use crate::codes::Codes;
use crate::page::{Page, lines};
use crate::{Clock, Export, Head, Input, MatchedBy, Query, ReadError, Reader, Recognition, Source, ZoneRule};

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

/// PowerShell transcripts.
pub(crate) struct Transcript;

impl Source for Transcript {
    fn id(&self) -> SourceId {
        "job/transcript"
    }

    fn title(&self) -> &'static str {
        "PowerShell transcript"
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
                "Start-Transcript -Path C:\\jobs\\log\\release_{0:yyyyMMdd-HHmmss}.txt -IncludeInvocationHeader (first line of the script; Stop-Transcript last)",
            ),
            clicks: None,
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "the exit code of the script: the history of the scheduled task has it",
            "when a warning or an error was written, unless the transcript was started with -IncludeInvocationHeader",
            "what the script did without writing anything",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        if is_transcript(head.text) { Recognition::Certain } else { Recognition::No }
    }
}

impl Reader for Transcript {
    fn read(&self, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
        let mut page = Page::of(input)?;
        let text = page.text();
        let mut run = Run::default();
        let mut reading = Reading::default();
        for paragraph in paragraphs(&text) {
            reading.rows += 1;
            let cite = page.cite(paragraph.span.clone());
            let steps = run.steps(&paragraph, query.clock);
            if steps.is_empty() {
                reading.pass_over("head of a command", 1, Some(cite));
                continue;
            }
            reading.observed += 1;
            for (when, step) in steps {
                when.iter().for_each(|when| reading.covers(when.at));
                let speaker = System { product: Product::Other("PowerShell".to_owned()), instance: step.host.clone() };
                let (cite, about, fact) = (cite.clone(), CopyKey::default(), Fact::Job(step));
                reading.observations.push(Observation { cite, when, speaker, about: about.into(), fact });
            }
        }
        if run.began && !run.ended {
            let limit =
                "the transcript has no end: the run was killed, still going on, or the file was copied too early";
            reading.coverage.limits.push(limit.to_owned());
        }
        reading
            .coverage
            .limits
            .push(format!("times are of the machine's own zone: read as {}", query.clock.zone_label));
        query.progress.advance(input.bytes.len() as u64);
        Ok(reading)
    }
}

/// Whether a line is the rule around a header.
fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line.len() >= 20 && line.bytes().all(|byte| byte == b'*')
}

/// Whether a text starts with the header of a transcript, in whichever language: a rule, a title, and a time of 14 digits.
fn is_transcript(text: &str) -> bool {
    let mut first = text.lines().filter(|line| !line.trim().is_empty()).take(5);
    first.next().is_some_and(is_rule) && first.any(|line| field(line).is_some_and(|(_, value)| is_time(value)))
}

/// `Start time: 20260502041000`.
fn field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    Some((name.trim(), value.trim()))
}

fn is_time(value: &str) -> bool {
    value.len() == 14 && value.bytes().all(|byte| byte.is_ascii_digit())
}

/// One stretch of a transcript: what stands between two rules, or lines without a blank one between them.
struct Paragraph<'t> {
    span: Range<usize>,
    lines: Vec<&'t str>,
    is_header: bool,
}

/// How long the lines between two rules may be to be a header.
const HEADER_LINES_MAX: usize = 30;

fn paragraphs(text: &str) -> Vec<Paragraph<'_>> {
    let mut found: Vec<Paragraph<'_>> = Vec::new();
    let mut open: Option<Paragraph<'_>> = None;
    for (span, line) in lines(text) {
        if is_rule(line) {
            let is_end = open.as_ref().is_some_and(|open| open.is_header && !open.lines.is_empty());
            if let Some(mut closed) = open.take().filter(|open| !open.lines.is_empty()) {
                if is_end {
                    closed.span.end = span.end;
                }
                found.push(closed);
            }
            if !is_end {
                open = Some(Paragraph { span, lines: Vec::new(), is_header: true });
            }
            continue;
        }
        let is_blank = line.trim().is_empty();
        let is_prompt = line.starts_with("PS ") && line.contains('>') || line.starts_with("PS>");
        let in_header = open.as_ref().is_some_and(|open| open.is_header && open.lines.len() < HEADER_LINES_MAX);
        if (is_blank || is_prompt) && !in_header {
            found.extend(open.take().filter(|open| !open.lines.is_empty()));
        }
        if is_blank {
            continue;
        }
        let paragraph =
            open.get_or_insert_with(|| Paragraph { span: span.clone(), lines: Vec::new(), is_header: false });
        paragraph.lines.push(line);
        paragraph.span.end = span.end;
    }
    found.extend(open.filter(|open| !open.lines.is_empty()));
    found
}

/// What is known of the run that a transcript shows.
#[derive(Default)]
struct Run {
    job: String,
    identity: Option<String>,
    host: Option<String>,
    process: Option<String>,
    command_at: Option<When>,
    began: bool,
    ended: bool,
}

impl Run {
    fn steps(&mut self, paragraph: &Paragraph<'_>, clock: &Clock) -> Vec<(Option<When>, JobStep)> {
        if paragraph.is_header
            && let Some(found) = self.header(paragraph, clock)
        {
            return found;
        }
        let mut found = Vec::new();
        for (at, line) in paragraph.lines.iter().enumerate() {
            let line = line.trim();
            if let Some(text) = warning(line) {
                found.push((self.command_at.clone(), self.step(JobStage::Warning, None, text)));
            } else if let Some((_, id)) =
                line.split_once("FullyQualifiedErrorId").and_then(|(_, rest)| rest.split_once(':'))
            {
                let id = id.trim().to_owned();
                found.push((
                    self.command_at.clone(),
                    self.step(JobStage::Error, Some(id), &error_text(&paragraph.lines[..at])),
                ));
            } else if line.contains("TerminatingError(") {
                found.push((self.command_at.clone(), self.step(JobStage::Error, None, line)));
            }
        }
        if found.is_empty() && !paragraph.is_header {
            found.push((self.command_at.clone(), self.step(JobStage::Output, None, &output(&paragraph.lines))));
        }
        found
    }

    /// The header of the transcript, its end, or the time of a command; `None` if it is no header after all.
    fn header(&mut self, paragraph: &Paragraph<'_>, clock: &Clock) -> Option<Vec<(Option<When>, JobStep)>> {
        let fields: Vec<(&str, &str)> = paragraph.lines.iter().filter_map(|line| field(line)).collect();
        let when = fields.iter().find(|(_, value)| is_time(value)).and_then(|(_, value)| instant(value, clock));
        when.as_ref()?;
        let title = paragraph.lines.first().map_or("", |line| line.trim());
        if fields.len() > 2 {
            self.learn(&fields);
            (self.began, self.ended) = (true, false);
            let said = format!("{title}; {}", self.job);
            return Some(vec![(when, self.step(JobStage::Started, None, &said))]);
        }
        if field(title).is_some_and(|(_, value)| is_time(value)) {
            self.command_at = when;
            return Some(Vec::new());
        }
        self.ended = true;
        Some(vec![(when, self.step(JobStage::Ended, None, title))])
    }

    /// Takes what the header says, by its English names, else by what the values look like.
    fn learn(&mut self, fields: &[(&str, &str)]) {
        let named = |word: &str| {
            let found = fields.iter().find(|(name, _)| CODES.means("header", name) == Some(word));
            found.map(|(_, value)| (*value).to_owned()).filter(|value| !value.is_empty())
        };
        let looks = |test: &dyn Fn(&str) -> bool| {
            fields.iter().map(|(_, value)| *value).find(|value| test(value)).map(str::to_owned)
        };
        self.identity = named("run_as")
            .or_else(|| named("user"))
            .or_else(|| looks(&|value| value.contains('\\') && !value.contains(' ')));
        self.host = named("machine")
            .or_else(|| looks(&|value| value.contains("(Microsoft Windows") || value.contains("(Unix")));
        self.host = self.host.take().map(|host| host.split(" (").next().unwrap_or(&host).to_lowercase());
        self.process = named("process").or_else(|| looks(&|value| value.len() < 8 && value.parse::<u32>().is_ok()));
        let command = named("command")
            .or_else(|| looks(&|value| value.to_ascii_lowercase().contains("powershell") || value.contains("pwsh")));
        self.job = command.as_deref().map_or_else(|| "PowerShell".to_owned(), job_name);
    }

    fn step(&self, stage: JobStage, code: Option<String>, said: &str) -> JobStep {
        JobStep {
            job: self.job.clone(),
            stage,
            identity: self.identity.clone(),
            host: self.host.clone(),
            run: self.process.clone(),
            code,
            said: said.to_owned(),
        }
    }
}

/// The text of an error: what stands above the place (`At C:\\jobs\\night.ps1:14 char:9`) and the lines that begin with a plus; ordinary
/// output may stand right above it. A long text goes over several lines, of which the first names the command.
fn error_text(above: &[&str]) -> String {
    let is_marked = |line: &&str| line.trim_start().starts_with('+');
    let marked = above.iter().rev().take_while(|line| is_marked(line)).count();
    let mut text = &above[..above.len() - marked];
    if let Some((_, rest)) = text.split_last().filter(|(place, rest)| is_place(place) && !rest.is_empty()) {
        text = rest;
    }
    let start = text.iter().rposition(|line| line.contains(" : ")).unwrap_or(text.len().saturating_sub(1));
    output(&text[start..])
}

/// Whether a line ends with a position, in whichever language: `char:9`, `Zeichen:9`.
fn is_place(line: &str) -> bool {
    let line = line.trim_end();
    let rest = line.trim_end_matches(|c: char| c.is_ascii_digit());
    rest.len() < line.len() && rest.trim_end().ends_with(':')
}

/// How many characters of a stretch of output are kept.
const OUTPUT_CHARS: usize = 300;

/// What a stretch of output says, on one line.
fn output(lines: &[&str]) -> String {
    let text = lines.iter().map(|line| line.trim()).collect::<Vec<&str>>().join(" ");
    text.chars().take(OUTPUT_CHARS).collect()
}

/// The script that a command line runs, else the command line.
fn job_name(command: &str) -> String {
    let lower = command.to_ascii_lowercase();
    let end = lower.find(".ps1").map(|at| at + 4);
    let Some(script) = end.and_then(|end| command.get(..end)) else {
        return command.chars().take(120).collect();
    };
    script.rsplit(['\\', '/', '"', '\'', ' ']).next().unwrap_or(script).to_owned()
}

/// The text of a warning, in the languages of Windows.
fn warning(line: &str) -> Option<&str> {
    let (word, rest) = line.split_once(':')?;
    let is_warning = CODES.means("stream", word.trim()) == Some("warning");
    is_warning.then(|| rest.trim())
}

/// `20260502041000` on the machine's clock.
fn instant(said: &str, clock: &Clock) -> Option<When> {
    let civil = DateTime::strptime("%Y%m%d%H%M%S", said).ok()?;
    let at = civil.to_zoned(clock.zone.clone()).ok()?.timestamp();
    Some(When { at, zone: evidence::Zone::Assumed(clock.zone_label.clone()), said: said.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;

    #[test]
    fn every_code_is_known() {
        codes::check_codes(&CODES, |code| {
            ["warning", "user", "run_as", "machine", "process", "command"].contains(&code.means.as_str())
        });
    }

    #[test]
    fn names_of_jobs() {
        for (command, expected) in [
            (r"C:\Windows\powershell.exe -NoProfile -File C:\jobs\release.ps1 -Days 1", "release.ps1"),
            (r#"powershell.exe -File "C:\my jobs\Release Mail.PS1""#, "Mail.PS1"),
            ("pwsh -File /opt/jobs/sync.ps1", "sync.ps1"),
            ("powershell.exe", "powershell.exe"),
        ] {
            assert_eq!(job_name(command), expected);
        }
    }
}

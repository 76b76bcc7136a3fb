//! The figures as a page.

use std::collections::BTreeMap;

use report::{
    AgeRadius, AgedChange, Block, ChangeEnd, ChangeVerified, CountSeries, Numbers, Picture, Pictured, Row, Section,
    Sheet, Spread, SpreadRow, StackedCounts, Tone, span,
};

use super::incidents::{NOT_SHOWN, SYMPTOM};
use super::times::{TimeOf, TimeRow};
use super::{ChangeFigure, Figures, IncidentRow};

/// Kinds that a picture tells apart; the others are one.
const MAX_KINDS: usize = 6;
/// Groups whose times are drawn.
const MAX_GROUPS: usize = 16;
/// Changes that are drawn.
const MAX_CHANGES: usize = 400;

impl Figures {
    /// The document as a page: an overview, then each figure in turn.
    pub fn sheet(&self) -> Sheet {
        let whose = self.client.as_deref().map_or("all clients".to_owned(), |client| named(client).to_owned());
        let mut sections = vec![self.overview()];
        if self.cases > 0 {
            sections.push(self.incidents());
            sections.push(self.times());
        }
        sections.push(self.changed());
        let notes = self.notes.iter().map(|note| Block::Text(Tone::Soft, note.clone())).collect();
        sections.push(Section { id: "notes", title: "How to read it".to_owned(), blocks: notes });
        Sheet { title: format!("Cases of {whose}"), sections }
    }

    fn overview(&self) -> Section {
        let day = |at: jiff::Timestamp| at.strftime("%Y-%m-%d").to_string();
        let opened = match (self.from, self.to) {
            (None, None) => "at any time".to_owned(),
            (Some(from), None) => format!("from {}", day(from)),
            (None, Some(to)) => format!("before {}", day(to)),
            (Some(from), Some(to)) => format!("from {}, before {}", day(from), day(to)),
        };
        let whose = self.client.as_deref().map_or("all clients".to_owned(), |client| named(client).to_owned());
        let mut facts = vec![
            ("Client".to_owned(), whose),
            ("Opened".to_owned(), opened),
            ("Ages up to".to_owned(), self.now.strftime("%Y-%m-%d %H:%M UTC").to_string()),
            ("Cases".to_owned(), format!("{}, {} of them not closed", self.cases, self.open)),
        ];
        facts.extend(of_all(&self.times.answered).map(|row| ("To an answer".to_owned(), in_short(row))));
        facts.extend(of_all(&self.times.closed).map(|row| ("To the closing".to_owned(), in_short(row))));
        let mut blocks = vec![Block::Facts(facts)];
        if self.cases == 0 {
            let text = "No case fits. `throughline case list` shows those of the store.";
            blocks.push(Block::Text(Tone::Odd, text.to_owned()));
        }
        Section { id: "overview", title: "Overview".to_owned(), blocks }
    }

    fn incidents(&self) -> Section {
        let by = match self.incidents.periods.last().map(|period| period.label.len()) {
            Some(10) => "by week, each named by its Monday",
            Some(7) => "by month",
            _ => "by year",
        };
        let by_cause = kinds(&self.incidents.rows, |row| cause_words(&row.cause), "other causes");
        let mut blocks = vec![picture(Picture::StackedCounts(self.stacked(format!("Cases by cause, {by}"), by_cause)))];
        let by_client = kinds(&self.incidents.rows, |row| named(&row.client).to_owned(), "other clients");
        if by_client.len() > 1 {
            blocks.push(picture(Picture::StackedCounts(self.stacked(format!("Cases by client, {by}"), by_client))));
        }
        blocks.push(Block::Heading("Causes, and whose cases".to_owned()));
        blocks.push(Block::Rows(self.cause_rows()));
        Section { id: "incidents", title: "What came in".to_owned(), blocks }
    }

    fn stacked(&self, title: String, series: Vec<CountSeries>) -> StackedCounts {
        let steps = self.incidents.periods.iter().map(|period| period.label.clone()).collect();
        StackedCounts { title, unit: "cases".to_owned(), steps, series }
    }

    /// One row a cause, with the clients that met it.
    fn cause_rows(&self) -> Vec<Row> {
        let mut by_cause: BTreeMap<&str, Vec<&IncidentRow>> = BTreeMap::new();
        for row in &self.incidents.rows {
            by_cause.entry(&row.cause).or_default().push(row);
        }
        let cases = |rows: &[&IncidentRow]| rows.iter().map(|row| row.cases).sum::<u64>();
        let mut by_cause: Vec<(&str, Vec<&IncidentRow>)> = by_cause.into_iter().collect();
        by_cause.sort_by_key(|(_, rows)| std::cmp::Reverse(cases(rows)));
        let row = |(cause, rows): (&str, Vec<&IncidentRow>)| {
            let clients: Vec<String> =
                rows.iter().take(MAX_GROUPS).map(|row| format!("{} {}", named(&row.client), row.cases)).collect();
            let more = rows.len().saturating_sub(MAX_GROUPS);
            let more = if more == 0 { String::new() } else { format!(", and {more} further clients") };
            let when = self.when(&rows);
            Row {
                tone: if cause == NOT_SHOWN { Tone::Odd } else { Tone::Plain },
                lead: cause_words(cause),
                text: format!("{}: {}{more}{when}", cases_in_words(cases(&rows)), clients.join(", ")),
                ..Row::default()
            }
        };
        by_cause.into_iter().map(row).collect()
    }

    /// The first and the last stretch in which some rows have cases.
    fn when(&self, rows: &[&IncidentRow]) -> String {
        let has_some = |place: usize| rows.iter().any(|row| row.counts.get(place).is_some_and(|count| *count > 0));
        let label = |place: usize| self.incidents.periods.get(place).map(|period| period.label.as_str());
        let mut places = (0..self.incidents.periods.len()).filter(|place| has_some(*place));
        let first = places.next();
        let last = places.next_back().or(first);
        match (first.and_then(label), last.and_then(label)) {
            (Some(first), Some(last)) if first == last => format!(" ({first})"),
            (Some(first), Some(last)) => format!(" ({first} to {last})"),
            _ => String::new(),
        }
    }

    fn times(&self) -> Section {
        let spread = |title: &str, done: &str, rows: &[TimeRow]| {
            let left = rows.len().saturating_sub(MAX_GROUPS);
            let mut blocks = vec![picture(Picture::Spread(Spread {
                title: title.to_owned(),
                unit: "cases".to_owned(),
                done: done.to_owned(),
                rows: rows.iter().take(MAX_GROUPS).map(spread_row).collect(),
            }))];
            if left > 0 {
                blocks.push(Block::Text(
                    Tone::Soft,
                    format!("{left} smaller groups are not shown here; the JSON holds all."),
                ));
            }
            blocks
        };
        let mut blocks =
            spread("From the opening to the first answer with a shown cause", "answered", &self.times.answered);
        blocks.extend(spread("From the opening to the closing", "closed", &self.times.closed));
        Section { id: "times", title: "How long it took".to_owned(), blocks }
    }

    fn changed(&self) -> Section {
        let mut blocks = Vec::new();
        if self.changes.is_empty() {
            let text = "No journal of these clients' cases holds a change.";
            blocks.push(Block::Text(Tone::Plain, text.to_owned()));
        } else {
            blocks.extend(warnings(&self.changes));
            blocks.push(picture(Picture::AgeRadius(AgeRadius {
                title: "Changes by age and by what they let through".to_owned(),
                rows: self.changes.iter().take(MAX_CHANGES).map(|change| self.aged(change)).collect(),
                not_drawn: self.changes.len().saturating_sub(MAX_CHANGES) as u64,
            })));
        }
        Section { id: "changes", title: "What was changed".to_owned(), blocks }
    }

    fn aged(&self, change: &ChangeFigure) -> AgedChange {
        let client = self.client.is_none().then(|| named(&change.client).to_owned());
        let about: Vec<String> = client.into_iter().chain(change.ticket.clone()).collect();
        AgedChange {
            name: format!("#{}", change.case),
            about: about.join(" "),
            what: change
                .candidate
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .collect::<Vec<_>>()
                .join(" ; "),
            age_seconds: change.age_seconds,
            messages: change.messages,
            end: change.end,
            ends: change.ends,
            verified: change.verified,
            guard: change.guard.clone(),
        }
    }
}

/// How many changes want a look, and why.
fn warnings(changes: &[ChangeFigure]) -> Vec<Block> {
    let count = |wanted: &dyn Fn(&ChangeFigure) -> bool| changes.iter().filter(|change| wanted(change)).count();
    let told = [
        (Tone::Bad, count(&|one| one.end == ChangeEnd::Expired), "expired: look whether it is gone"),
        (Tone::Bad, count(&|one| one.verified == ChangeVerified::CameBack), "after which the trouble came back"),
        (Tone::Warn, count(&|one| one.end == ChangeEnd::NoEnd), "without a stated end"),
        (Tone::Warn, count(&|one| one.verified == ChangeVerified::Never), "never verified: `throughline verify`"),
        (
            Tone::Warn,
            count(&|one| one.verified == ChangeVerified::CannotTell),
            "looked at, and it could not be told whether it held",
        ),
        (
            Tone::Warn,
            count(&|one| one.guard.is_none()),
            "about which the guard was not asked: `throughline exception check`",
        ),
        (
            Tone::Warn,
            count(&|one| one.guard.as_deref().is_some_and(|guard| guard != "narrow")),
            "that the guard does not call narrow",
        ),
    ];
    let row = |(tone, count, what): (Tone, usize, &str)| Row {
        tone,
        lead: count.to_string(),
        text: what.to_owned(),
        ..Row::default()
    };
    let all =
        format!("{} of {}.", plural(changes.len(), "change", "changes"), plural(cases_of(changes), "case", "cases"));
    let rows: Vec<Row> = told.into_iter().filter(|(_, count, _)| *count > 0).map(row).collect();
    vec![Block::Text(Tone::Plain, all), Block::Rows(rows)]
}

fn cases_of(changes: &[ChangeFigure]) -> usize {
    changes.iter().map(|change| change.case).collect::<std::collections::BTreeSet<u64>>().len()
}

fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn picture(picture: Picture) -> Block {
    Block::Picture(Pictured { picture, numbers: Numbers::default() })
}

fn named(client: &str) -> &str {
    if client.is_empty() { "no client" } else { client }
}

fn cause_words(cause: &str) -> String {
    if cause == NOT_SHOWN { "cause not shown".to_owned() } else { cause.to_owned() }
}

fn cases_in_words(cases: u64) -> String {
    if cases == 1 { "1 case".to_owned() } else { format!("{cases} cases") }
}

/// Kinds with their numbers: the most frequent, the others as one, what is not shown at the end.
fn kinds(rows: &[IncidentRow], kind: impl Fn(&IncidentRow) -> String, others: &str) -> Vec<CountSeries> {
    let mut all: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for row in rows {
        let counts = all.entry(kind(row)).or_insert_with(|| vec![0; row.counts.len()]);
        counts.iter_mut().zip(&row.counts).for_each(|(sum, count)| *sum += count);
    }
    let not_shown = all.remove(&cause_words(NOT_SHOWN));
    let mut series: Vec<CountSeries> = all.into_iter().map(|(name, counts)| CountSeries { name, counts }).collect();
    series.sort_by_key(|series| std::cmp::Reverse(series.counts.iter().sum::<u64>()));
    if series.len() > MAX_KINDS + 1 {
        let rest = series.split_off(MAX_KINDS);
        let mut counts = vec![0_u64; rest.first().map_or(0, |first| first.counts.len())];
        for one in &rest {
            counts.iter_mut().zip(&one.counts).for_each(|(sum, count)| *sum += count);
        }
        series.push(CountSeries { name: others.to_owned(), counts });
    }
    series.extend(not_shown.map(|counts| CountSeries { name: cause_words(NOT_SHOWN), counts }));
    series
}

fn of_all(rows: &[TimeRow]) -> impl Iterator<Item = &TimeRow> {
    rows.iter().filter(|row| row.group == TimeOf::All)
}

fn spread_row(row: &TimeRow) -> SpreadRow {
    SpreadRow {
        name: match &row.group {
            TimeOf::All => "all cases".to_owned(),
            TimeOf::Client(client) => format!("client: {}", named(client)),
            TimeOf::Family(family) if family == SYMPTOM => "only a symptom is shown".to_owned(),
            TimeOf::Family(family) => cause_words(family),
        },
        done: row.done,
        least_seconds: row.least_seconds,
        median_seconds: row.median_seconds,
        ninetieth_seconds: row.ninetieth_seconds,
        most_seconds: row.most_seconds,
        open: row.open,
        oldest_open_seconds: row.oldest_open_seconds,
        without: row.without,
    }
}

/// `median 2 h 10 min, 90 of 100 within 3 d 04 h (17 cases); 3 are still open`.
fn in_short(row: &TimeRow) -> String {
    let shown = |seconds: u64| span(jiff::SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX)));
    let done = match (row.median_seconds, row.ninetieth_seconds) {
        (Some(median), Some(ninetieth)) => {
            let of = cases_in_words(row.done);
            format!("median {}, 90 of 100 within {} ({of})", shown(median), shown(ninetieth))
        }
        _ => "none yet".to_owned(),
    };
    let open = if row.open > 0 { format!("; {} still open without it", row.open) } else { String::new() };
    let without = if row.without > 0 { format!("; {} closed without it", row.without) } else { String::new() };
    format!("{done}{open}{without}")
}

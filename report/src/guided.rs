//! What `throughline symptoms` shows: the catalogue, one symptom's page, and what the records show of it.

use findings::symptoms::{CauseGuide, Collect, Fit, Guide, Need};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::document::{Cite, Report, Standing};
use crate::sheet::{Block, Row, Section, Tone};

/// The name and version of the document's form.
pub const SYMPTOMS_SCHEMA: &str = "throughline.symptoms.v1";

/// Symptoms as people know them, how to find out about each, and what the records show if some were read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Symptoms {
    /// Always `throughline.symptoms.v1`.
    pub schema: String,
    /// The id or the words that were asked for; null for all symptoms.
    pub asked: Option<String>,
    /// The symptom of that id, or those that the words fit, the best first; else all of them.
    pub symptoms: Vec<SymptomPage>,
    /// If records were read: what they show of these symptoms, as a report without a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
}

/// How to find out about one symptom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SymptomPage {
    /// The contract's id.
    pub id: String,
    /// The symptom as a user would say it, in one sentence.
    pub title: String,
    /// What it is and why it happens.
    pub what: String,
    /// The sign that tells it from what looks alike.
    pub sign: String,
    /// What looks alike and is something else, and how that shows.
    pub alike: String,
    /// If words were asked for: what of them fits, the best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fits: Vec<String>,
    /// What to collect, the required first.
    pub collect: Vec<CollectedExport>,
    /// What to look at, in order.
    pub look: Vec<LookAt>,
    /// The causes that are told apart, the most frequent first.
    pub causes: Vec<SymptomCause>,
}

/// An export to collect for a symptom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CollectedExport {
    /// The kind, as `throughline sources` lists it.
    pub source: String,
    /// The kind in words.
    pub title: String,
    /// Whether no cause can be proved without it, or without one that is its like.
    pub required: bool,
    /// What it shows here.
    pub shows: String,
    /// The command that gets it, if there is one.
    pub command: Option<String>,
    /// The click path, if there is one.
    pub clicks: Option<String>,
    /// If records were read: the files that are such an export; none if it is missing. Null if none were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<String>>,
}

/// Something to look at, and what each result would mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LookAt {
    /// What to look at.
    pub at: String,
    /// What each result would mean.
    pub means: Vec<LookMeans>,
}

/// What a result would mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LookMeans {
    /// The result.
    pub seen: String,
    /// What it means, or what to look at next.
    pub then: String,
}

/// One cause of a symptom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SymptomCause {
    /// Its name within the symptom.
    pub id: String,
    /// The cause in one sentence.
    pub title: String,
    /// Which records prove it.
    pub proof: String,
    /// Which record would speak against it.
    pub disproof: String,
    /// The narrowest thing that mends it.
    pub fix: String,
    /// When to take the fix back.
    pub rollback: String,
    /// What shows that the fix held.
    pub verify: String,
    /// Who has to mend it.
    pub owner: String,
}

impl From<&Guide> for SymptomPage {
    fn from(guide: &Guide) -> SymptomPage {
        let look = guide.look.iter().map(|look| LookAt {
            at: look.at.clone(),
            means: look
                .means
                .iter()
                .map(|means| LookMeans { seen: means.seen.clone(), then: means.then.clone() })
                .collect(),
        });
        let mut collect: Vec<CollectedExport> = guide.collect.iter().map(CollectedExport::from).collect();
        collect.sort_by_key(|export| !export.required);
        SymptomPage {
            id: guide.id.clone(),
            title: guide.title.clone(),
            what: guide.what.clone(),
            sign: guide.sign.clone(),
            alike: guide.alike.clone(),
            fits: Vec::new(),
            collect,
            look: look.collect(),
            causes: guide.cause.iter().map(SymptomCause::from).collect(),
        }
    }
}

impl From<&Collect> for CollectedExport {
    fn from(collect: &Collect) -> CollectedExport {
        let source = sources::source(&collect.source);
        let export = source.map(|source| source.export());
        CollectedExport {
            source: collect.source.clone(),
            title: source.map_or_else(|| collect.source.clone(), |source| source.title().to_owned()),
            required: collect.need == Need::Required,
            shows: collect.shows.clone(),
            command: export.and_then(|export| export.command).map(str::to_owned),
            clicks: export.and_then(|export| export.clicks).map(str::to_owned),
            files: None,
        }
    }
}

impl From<&CauseGuide> for SymptomCause {
    fn from(cause: &CauseGuide) -> SymptomCause {
        SymptomCause {
            id: cause.id.clone(),
            title: cause.title.clone(),
            proof: cause.proof.clone(),
            disproof: cause.disproof.clone(),
            fix: cause.fix.clone(),
            rollback: cause.rollback.clone(),
            verify: cause.verify.clone(),
            owner: cause.owner.clone(),
        }
    }
}

impl Symptoms {
    /// All symptoms.
    pub fn all(guides: &[Guide]) -> Symptoms {
        Symptoms::of(None, guides.iter().map(SymptomPage::from).collect())
    }

    /// The page of one.
    pub fn one(guide: &Guide) -> Symptoms {
        Symptoms::of(Some(guide.id.clone()), vec![SymptomPage::from(guide)])
    }

    /// Those that words fit.
    pub fn fitting(words: &str, fits: &[Fit]) -> Symptoms {
        let page = |fit: &Fit| SymptomPage { fits: fit.by.clone(), ..SymptomPage::from(fit.guide) };
        Symptoms::of(Some(words.to_owned()), fits.iter().map(page).collect())
    }

    fn of(asked: Option<String>, symptoms: Vec<SymptomPage>) -> Symptoms {
        Symptoms { schema: SYMPTOMS_SCHEMA.to_owned(), asked, symptoms, report: None }
    }

    /// Adds what the records show, and which exports are among them. The report's symptoms that were not asked for are left out.
    pub fn with_report(mut self, mut report: Report) -> Symptoms {
        let is_asked = |id: &str| self.symptoms.iter().any(|page| page.id == id);
        report.findings.retain(|finding| is_asked(&finding.id));
        report.next_steps.retain(|step| step.because.iter().any(|id| is_asked(id)));
        let asked_for = |source: &String| report.findings.iter().any(|finding| finding.ask_for.contains(source));
        report.exports.retain(|export| asked_for(&export.source));
        for export in self.symptoms.iter_mut().flat_map(|page| &mut page.collect) {
            let own = report.evidence.iter().filter(|file| file.source.as_ref() == Some(&export.source));
            export.files = Some(own.map(|file| file.file.clone()).collect());
        }
        self.report = Some(report);
        self
    }

    /// Visits every cite of the document.
    pub fn each_cite(&mut self, visit: impl FnMut(&mut Cite)) {
        if let Some(report) = &mut self.report {
            report.each_cite(visit);
        }
    }

    /// What the page is about.
    pub(crate) fn title(&self) -> String {
        match (self.symptoms.as_slice(), &self.asked) {
            ([one], Some(asked)) if *asked == one.id => one.title.clone(),
            (_, Some(asked)) => format!("Symptoms that fit \"{asked}\""),
            _ if self.report.is_some() => "What the records show".to_owned(),
            _ => "Symptoms".to_owned(),
        }
    }

    /// The sections about the symptoms themselves.
    pub(crate) fn sections(&self) -> Vec<Section> {
        match (self.symptoms.as_slice(), &self.asked) {
            ([one], Some(asked)) if *asked == one.id => page(one, self.report.is_some()),
            (_, Some(_)) => vec![fitting(&self.symptoms)],
            (all, None) => match &self.report {
                Some(report) => vec![looked_for(all, report)],
                None => vec![names("In plain words", all), how_to_ask()],
            },
        }
    }
}

/// One line a symptom.
fn names(title: &str, all: &[SymptomPage]) -> Section {
    let row = |page: &SymptomPage| Row { text: page.title.clone(), notes: vec![page.id.clone()], ..Row::default() };
    Section { id: "names", title: title.to_owned(), blocks: vec![Block::Rows(all.iter().map(row).collect())] }
}

/// Which symptoms the records show, which they leave open, and of which there is no sign.
fn looked_for(all: &[SymptomPage], report: &Report) -> Section {
    let stands = |id: &str, wanted: &[Standing]| {
        report.findings.iter().any(|finding| finding.id == id && wanted.contains(&finding.standing))
    };
    let (mut shown, mut open, mut none) = (Vec::new(), Vec::new(), Vec::new());
    for page in all {
        if stands(&page.id, &[Standing::Proved, Standing::Likely]) {
            shown.push(page.id.as_str());
        } else if stands(&page.id, &[Standing::NotShown]) {
            open.push(page.id.as_str());
        } else {
            none.push(page.id.as_str());
        }
    }
    let facts = [("Shown", shown), ("Cause not shown", open), ("No sign of", none)];
    let facts = facts.into_iter().filter(|(_, ids)| !ids.is_empty());
    let facts = facts.map(|(name, ids)| (name.to_owned(), ids.join(", "))).collect();
    Section { id: "looked-for", title: "Looked for".to_owned(), blocks: vec![Block::Facts(facts)] }
}

fn how_to_ask() -> Section {
    let blocks = vec![
        Block::Text(Tone::Plain, "Be led through one of them:".to_owned()),
        Block::Commands(vec!["throughline symptoms stale-search".to_owned()]),
        Block::Text(Tone::Plain, "Say in your own words what is seen, and pick the closest:".to_owned()),
        Block::Commands(vec!["throughline symptoms the exception worked and now it is blocked again".to_owned()]),
        Block::Text(Tone::Plain, "Let the records say which of them they show:".to_owned()),
        Block::Commands(vec!["throughline symptoms --in exports/".to_owned()]),
    ];
    Section { id: "how", title: "How to go on".to_owned(), blocks }
}

/// The symptoms that words fit, and why.
fn fitting(fits: &[SymptomPage]) -> Section {
    let blocks = match fits {
        [] => vec![
            Block::Text(Tone::Odd, "None of the symptoms fits these words. Say what is seen, by whom, and since when; or look at the list:".to_owned()),
            Block::Commands(vec!["throughline symptoms".to_owned()]),
        ],
        fits => {
            let row = |(at, page): (usize, &SymptomPage)| Row {
                lead: format!("{}.", at + 1),
                text: page.title.clone(),
                notes: [
                    (!page.fits.is_empty()).then(|| format!("fits by: {}", page.fits.join(", "))),
                    (!page.sign.is_empty()).then(|| format!("its sign: {}", page.sign)),
                ]
                .into_iter()
                .flatten()
                .collect(),
                command: Some(format!("throughline symptoms {}", page.id)),
                ..Row::default()
            };
            vec![
                Block::Rows(fits.iter().enumerate().map(row).collect()),
                Block::Text(Tone::Plain, "Pick the one whose sign you see; the command under it leads on.".to_owned()),
            ]
        }
    };
    Section { id: "fits", title: "The closest".to_owned(), blocks }
}

/// The page of one symptom, in the order in which it is worked.
fn page(page: &SymptomPage, is_read: bool) -> Vec<Section> {
    let fact = |name: &str, text: &str| (!text.is_empty()).then(|| (name.to_owned(), text.to_owned()));
    let about = [fact("What it is", &page.what), fact("Its sign", &page.sign)];
    let about = Block::Facts(about.into_iter().flatten().collect());
    let look = page.look.iter().enumerate().map(|(at, look)| look_row(at + 1, look)).collect();
    let causes = page.causes.iter().flat_map(cause).collect();
    let mut sections = vec![
        section("about", "What it is, and its sign", vec![Block::Text(Tone::Soft, page.id.clone()), about]),
        section("collect", "What to collect", vec![Block::Rows(page.collect.iter().map(export_row).collect())]),
        section("look", "What to look at, in order", vec![Block::Rows(look)]),
        section("causes", "Causes, the most frequent first", causes),
        section("alike", "What looks alike", vec![Block::Text(Tone::Plain, page.alike.clone())]),
    ];
    // A page that is not whole leaves nothing empty behind.
    sections.retain(|one| {
        one.blocks.iter().any(|block| match block {
            Block::Rows(rows) => !rows.is_empty(),
            Block::Text(_, text) => !text.is_empty(),
            _ => true,
        })
    });
    if !is_read {
        let text = "With the exports in one folder, in any order, under any names:".to_owned();
        let command = format!("throughline symptoms {} --in exports/", page.id);
        let blocks = vec![Block::Text(Tone::Plain, text), Block::Commands(vec![command])];
        sections.push(section("how", "How to go on", blocks));
    }
    sections
}

fn section(id: &'static str, title: &str, blocks: Vec<Block>) -> Section {
    Section { id, title: title.to_owned(), blocks }
}

/// How many files of one export are named.
const FILES_SHOWN: usize = 3;

/// An export that is there needs no command any more.
fn export_row(export: &CollectedExport) -> Row {
    let need = if export.required { "required" } else { "helpful" };
    let there = export.files.as_deref().map(|files| match files {
        [] => "missing".to_owned(),
        files => {
            let more = files.len().saturating_sub(FILES_SHOWN);
            let more = if more > 0 { format!(" (+{more} more)") } else { String::new() };
            format!("there: {}{more}", files[..files.len().min(FILES_SHOWN)].join(", "))
        }
    });
    let is_there = export.files.as_ref().is_some_and(|files| !files.is_empty());
    let clicks = export.clicks.clone().filter(|_| !is_there).map(|clicks| format!("click: {clicks}"));
    Row {
        tone: match (&export.files, is_there, export.required) {
            (None, ..) => Tone::Plain,
            (Some(_), true, _) => Tone::Good,
            (Some(_), false, true) => Tone::Odd,
            (Some(_), false, false) => Tone::Soft,
        },
        lead: format!("{need}: {}", export.title),
        text: export.shows.clone(),
        notes: [Some(export.source.clone()), there, clicks].into_iter().flatten().collect(),
        command: export.command.clone().filter(|_| !is_there),
        ..Row::default()
    }
}

fn look_row(number: usize, look: &LookAt) -> Row {
    let branch = |means: &LookMeans| (means.seen.trim_end_matches('.').to_owned(), means.then.clone());
    Row {
        lead: format!("{number}."),
        text: look.at.clone(),
        branches: look.means.iter().map(branch).collect(),
        ..Row::default()
    }
}

fn cause(cause: &SymptomCause) -> [Block; 2] {
    let facts = [
        ("Proved by", &cause.proof),
        ("Against it", &cause.disproof),
        ("Narrow fix", &cause.fix),
        ("Take it back", &cause.rollback),
        ("Verify", &cause.verify),
        ("Owner", &cause.owner),
    ];
    [
        Block::Heading(format!("{}: {}", cause.id, cause.title)),
        Block::Facts(facts.map(|(name, text)| (name.to_owned(), text.clone())).to_vec()),
    ]
}

//! Cases: the list, one, its journal, and what people say of it.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use case::told::{CASES_SCHEMA, CaseDocument, Done};
use case::{About, Asked, Case, Deed, Entry, Status, Wanted};
use jiff::Timestamp;
use report::{Comparison, Fate, Report};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::{Reply, Tag, Wait, document, working};
use super::form::{At, Given, Query};
use super::problem::{Refusal, Sort};
use crate::entry::Visitor;
use crate::kept::Answer;
use crate::office::{Sides, Trouble, TroubleKind, Worked};
use crate::workbench::Workbench;

/// Which case is meant.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub struct CaseAt {
    /// The number of the case.
    #[schemars(extend("maximum" = 18_446_744_073_709_551_615_u64))]
    pub number: u64,
}

/// Where a page of a list begins.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Page {
    /// How many are listed at most.
    #[schemars(range(min = 1, max = 200))]
    limit: u64,
    /// `next` of the page before, to go on from there.
    cursor: Option<Cursor>,
}

impl Default for Page {
    fn default() -> Page {
        Page { limit: 50, cursor: None }
    }
}

/// The place behind which a page begins. It names a number, not how many were listed: what is added meanwhile shifts nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[0-9a-f]{16}$"))]
pub struct Cursor(u64);

impl TryFrom<String> for Cursor {
    type Error = String;

    fn try_from(text: String) -> Result<Cursor, String> {
        let wrong = || format!("cursor: expected `next` of a page, found `{}`", text.escape_debug());
        if text.len() != 16 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(wrong());
        }
        u64::from_str_radix(&text, 16).map(Cursor).map_err(|_| wrong())
    }
}

impl From<Cursor> for String {
    fn from(Cursor(place): Cursor) -> String {
        format!("{place:016x}")
    }
}

/// Which cases are wanted; what is not said fits all.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Search {
    /// With this Message-ID, or a service's own id.
    message_id: Option<String>,
    /// With this address as sender, recipient or affected user; `@domain` is any address of it.
    address: Option<String>,
    /// With this in the subject, letters' case aside.
    subject: Option<String>,
    /// With this cause or symptom, or of this family, or with this specific part (`spam` of `content-verdict/spam`).
    cause: Option<String>,
    /// With this number in the ticket system, letters' case aside.
    ticket: Option<String>,
    /// Of this client, letters' case aside.
    client: Option<String>,
    /// With one of these; any, if none is named. May be given several times.
    status: Vec<Status>,
    /// Whose fix is to be looked at again by then.
    due: Option<Timestamp>,
    #[serde(flatten)]
    page: Page,
}

/// A page of cases, the newest first.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CasePage {
    /// Always `throughline.cases.v1`.
    pub schema: String,
    /// Which were wanted.
    pub wanted: Wanted,
    /// Those that fit.
    pub cases: Vec<Case>,
    /// Whether more fit than are listed.
    pub more: bool,
    /// The cursor of the next page; null if this is the last one.
    pub next: Option<Cursor>,
}

/// Lists cases.
pub async fn list(State(workbench): State<Workbench>, Query(search): Query<Search>) -> Reply {
    let Search { message_id, address, subject, cause, ticket, client, status, due, page } = search;
    let before = page.cursor.map(|Cursor(place)| place);
    let wanted =
        Wanted { message_id, address, subject, cause, ticket, client, status, due, before, ..Wanted::default() };
    // One more than is shown tells whether there are more.
    let asked = Wanted { limit: Some(page.limit + 1), ..wanted.clone() };
    let mut cases = workbench.office(move |office| office.list(&asked)).await?;
    let shown = page.limit as usize;
    let more = cases.len() > shown;
    cases.truncate(shown);
    let next = cases.last().filter(|_| more).map(|last| Cursor(last.number));
    let link = next.map(|next| linked("/api/v1/cases", &wanted, next, page.limit));
    let wanted = Wanted { limit: Some(page.limit), ..wanted };
    let found = CasePage { schema: CASES_SCHEMA.to_owned(), wanted, cases, more, next };
    with_link(document(StatusCode::OK, &found), link)
}

/// The address of the next page, with what was wanted.
fn linked(path: &str, wanted: &Wanted, next: Cursor, limit: u64) -> String {
    let mut pairs: Vec<(&str, String)> = Vec::new();
    let texts = [
        ("message_id", &wanted.message_id),
        ("address", &wanted.address),
        ("subject", &wanted.subject),
        ("cause", &wanted.cause),
        ("ticket", &wanted.ticket),
        ("client", &wanted.client),
    ];
    pairs.extend(texts.into_iter().filter_map(|(name, text)| Some((name, text.clone()?))));
    pairs.extend(wanted.status.iter().map(|status| ("status", status.word().to_owned())));
    pairs.extend(wanted.due.map(|due| ("due", due.to_string())));
    pairs.push(("limit", limit.to_string()));
    pairs.push(("cursor", next.into()));
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{name}={}", crate::page::encoded(value))).collect();
    format!("<{path}?{}>; rel=\"next\"", pairs.join("&"))
}

fn with_link(reply: Reply, link: Option<String>) -> Reply {
    let mut response = reply?;
    if let Some(link) = link.and_then(|link| HeaderValue::from_str(&link).ok()) {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// A case that is opened.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NewCase {
    /// Whose ticket it is, and what they say.
    about: About,
    /// Which message is meant.
    asked: Asked,
}

/// Opens a case.
pub async fn open(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    headers: HeaderMap,
    Given(new): Given<NewCase>,
) -> Reply {
    let key = key(&headers)?;
    let case = workbench
        .office(move |office| {
            let (about, asked) = (new.about.clone(), new.asked.clone());
            let case = office.open_once(&visitor.user.name, key.clone(), about, asked)?;
            let first = office.case(case.number)?.journal.into_iter().next();
            let is_it = |entry: Entry| matches!(entry.deed, Deed::Opened { about, asked } if about == new.about && asked == new.asked);
            if key.is_none() || first.is_some_and(is_it) {
                return Ok(case);
            }
            let what = format!(
                "Idempotency-Key: expected one that opened no other case, found that of case {}. Take a new one",
                case.number
            );
            Err(Trouble::new(TroubleKind::Conflict, what))
        })
        .await?;
    let location = HeaderValue::from_str(&format!("/api/v1/cases/{}", case.number));
    let mut response = document(StatusCode::CREATED, &case)?;
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// The longest key of a call, in characters.
pub const MAX_KEY: usize = 200;

/// By what a repeated call is known.
fn key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(given) = headers.get("idempotency-key") else { return Ok(None) };
    let given = given.to_str().ok().map(str::trim);
    let is_key = |key: &&str| (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    match given.filter(is_key) {
        Some(key) => Ok(Some(key.to_owned())),
        None => {
            let what = format!("Idempotency-Key: expected 1 to {MAX_KEY} visible ASCII characters, found others");
            Err(Sort::Form.with(what))
        }
    }
}

/// Shows a case: whose it is, what was found out, what is still open, and what was done.
pub async fn show(
    State(workbench): State<Workbench>,
    At(at): At<CaseAt>,
    Query(wait): Query<Wait>,
    headers: HeaderMap,
) -> Reply {
    let worked = workbench.case(at.number).await?;
    let tag = Tag::of(&worked, worked.case.entries, &headers);
    if let Some(known) = tag.known() {
        return Ok(known);
    }
    let looked = match looked(&workbench, &worked, wait).await? {
        Ok(looked) => looked,
        Err(working) => return Ok(working),
    };
    let found: CaseDocument = workbench
        .looked(move |office| office.document(at.number, looked.report.as_deref(), looked.compared.as_deref()))
        .await?;
    tag.on(document(StatusCode::OK, &found))
}

/// What the evidence of a case shows, as far as it shows something.
pub struct Looked {
    /// What it shows, or why that is not known.
    pub report: Result<std::sync::Arc<Report>, Trouble>,
    /// The message beside a delivered one, if it was kept back.
    pub compared: Option<std::sync::Arc<Comparison>>,
}

impl Looked {
    /// The report, or why that is not known.
    pub fn report(&self) -> Result<&Report, &Trouble> {
        self.report.as_deref()
    }
}

/// Looks at the evidence of a case; else says that it is worked on.
///
/// # Errors
/// [`Refusal`] if the evidence cannot be read.
pub async fn looked(
    workbench: &Workbench,
    worked: &Worked,
    wait: Wait,
) -> Result<Result<Looked, axum::response::Response>, Refusal> {
    let report = match workbench.report(worked, wait.patience()).await {
        Answer::Working(progress) => return Ok(Err(working(&progress))),
        Answer::Ready(report) => report,
    };
    // What cannot be followed yet is an open point, no fault.
    let is_open = |trouble: &Trouble| {
        matches!(trouble.kind, TroubleKind::WhichMessage | TroubleKind::NothingReadable | TroubleKind::Unfit)
    };
    let report = match report {
        Err(trouble) if !is_open(&trouble) => return Err(trouble.into()),
        report => report,
    };
    let was_kept_back =
        report.as_ref().is_ok_and(|report| report.copies.iter().any(|copy| copy.fate != Fate::Delivered));
    let compared = match was_kept_back {
        false => None,
        true => match workbench.comparison(worked, Sides::default(), wait.patience()).await {
            Answer::Working(progress) => return Ok(Err(working(&progress))),
            // Without one it is said that there is none.
            Answer::Ready(compared) => compared.ok(),
        },
    };
    Ok(Ok(Looked { report, compared }))
}

/// Says anew which message is meant.
pub async fn ask(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    At(at): At<CaseAt>,
    Given(asked): Given<Asked>,
) -> Reply {
    let who = visitor.user.name.clone();
    let done: Done = workbench.office(move |office| office.ask(&who, at.number, asked)).await?;
    if !done.entries.is_empty() {
        workbench.look_again(&visitor.user.name, at.number);
    }
    document(StatusCode::OK, &done)
}

/// A page of the journal of a case, the first entry first.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct JournalPage {
    /// Always `throughline.journal_page.v1`.
    pub schema: String,
    /// Of which case.
    pub number: u64,
    /// The entries, the first first.
    pub entries: Vec<Entry>,
    /// The hash of the last entry of the whole journal: it stands for all of it.
    pub head: String,
    /// The cursor of the next page; null if this is the last one.
    pub next: Option<Cursor>,
}

/// Lists what was done on a case.
pub async fn journal(State(workbench): State<Workbench>, At(at): At<CaseAt>, Query(page): Query<Page>) -> Reply {
    let Worked { case, journal } = workbench.case(at.number).await?;
    let after = page.cursor.map_or(0, |Cursor(place)| place);
    let mut rest = journal.into_iter().filter(|entry| entry.seq > after);
    let entries: Vec<Entry> = rest.by_ref().take(page.limit as usize).collect();
    let next = rest.next().and(entries.last()).map(|last| Cursor(last.seq));
    let path = format!("/api/v1/cases/{}/journal", case.number);
    let link = next.map(|next| linked(&path, &Wanted::default(), next, page.limit));
    let found = JournalPage {
        schema: "throughline.journal_page.v1".to_owned(),
        number: case.number,
        entries,
        head: case.head,
        next,
    };
    with_link(document(StatusCode::OK, &found), link)
}

/// Text that says something.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("minLength" = 1, "pattern" = "\\S"))]
pub struct Words(pub String);

impl TryFrom<String> for Words {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Words, &'static str> {
        if text.trim().is_empty() { Err("expected a few words, found nothing") } else { Ok(Words(text)) }
    }
}

/// Something to note.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct Note {
    /// What.
    text: Words,
}

/// Notes something in the journal.
pub async fn note(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    At(at): At<CaseAt>,
    Given(note): Given<Note>,
) -> Reply {
    let done: Done = workbench.office(move |office| office.note(&visitor.user.name, at.number, &note.text.0)).await?;
    document(StatusCode::OK, &done)
}

/// How far a case is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct NewStatus {
    /// How far it is. That it is changed, held or came back is said by records: a change, a verification.
    status: Said,
    /// Why; of a closed case its resolution.
    why: Words,
}

/// How far a case is, as people say it.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Said {
    /// Being worked on, or again.
    Open,
    /// Waiting for somebody else, such as the reporter.
    Waiting,
    /// Given to somebody else.
    Escalated,
    /// Done.
    Closed,
}

impl From<Said> for Status {
    fn from(said: Said) -> Status {
        match said {
            Said::Open => Status::Open,
            Said::Waiting => Status::Waiting,
            Said::Escalated => Status::Escalated,
            Said::Closed => Status::Closed,
        }
    }
}

/// Says how far a case is.
pub async fn status(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    At(at): At<CaseAt>,
    Given(new): Given<NewStatus>,
) -> Reply {
    let done: Done = workbench
        .office(move |office| office.status(&visitor.user.name, at.number, new.status.into(), &new.why.0))
        .await?;
    document(StatusCode::OK, &done)
}

//! Files that come in: streamed to the disk, added to a case or followed, and gone.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::http::{StatusCode, header};
use case::told::AddedEvidence;
use case::{Asked, Purpose};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;

use super::answer::{Reply, document};
use super::cases::CaseAt;
use super::form::{At, Query, media_type};
use super::problem::{Refusal, Sort};
use crate::entry::Visitor;
use crate::kept::Answer;
use crate::office::{Trouble, TroubleKind};
use crate::workbench::Workbench;

/// The kinds of body in which one file comes as it is. What it holds is told by its content.
pub const ONE_FILE: [&str; 3] = ["application/octet-stream", "application/zip", "message/rfc822"];
/// The kind of body in which several come.
pub const SEVERAL: &str = "multipart/form-data";
/// How many files one call may bring.
const MAX_FILES: usize = 2_000;
/// How long a client may be silent.
const SILENT: Duration = Duration::from_secs(60);

/// What evidence is for, and what it is called.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Evidence {
    /// What it is for: it shows what happened, or what is so after a change.
    purpose: Purpose,
    /// What the file is called, if the body is one file; cites name it so.
    #[schemars(extend("minLength" = 1, "maxLength" = 200))]
    name: Option<String>,
}

impl Default for Evidence {
    fn default() -> Evidence {
        Evidence { purpose: Purpose::Ticket, name: None }
    }
}

/// Adds evidence to a case. What it shows is looked at by itself, and kept in the journal.
pub async fn add(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    At(at): At<CaseAt>,
    Query(evidence): Query<Evidence>,
    request: Request,
) -> Reply {
    // Before anything is taken in: is there such a case?
    workbench.case(at.number).await?;
    let staged = staged(&workbench, request, evidence.name.as_deref()).await?;
    let who = visitor.user.name.clone();
    let added: AddedEvidence =
        workbench.office(move |office| office.add(&who, at.number, &staged.folder, evidence.purpose)).await?;
    if !added.files.is_empty() {
        let who = visitor.user.name.clone();
        tokio::spawn(look(workbench, who, at.number));
    }
    document(StatusCode::OK, &added)
}

/// Looks at the evidence and keeps in the journal what it shows, so that the case is found by it.
async fn look(workbench: Workbench, who: String, number: u64) {
    let Ok(worked) = workbench.case(number).await else { return };
    let Answer::Ready(report) = workbench.report(&worked, None).await else { return };
    // Nobody waits for it: whoever asks for the report hears of a fault then.
    let _ = workbench.office(move |office| office.answered(&who, number, report.ok().as_deref())).await;
}

/// Which message is followed, and what the file is called.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Followed {
    /// What the file is called, if the body is one file; cites name it so.
    #[schemars(extend("minLength" = 1, "maxLength" = 200))]
    name: Option<String>,
    #[serde(flatten)]
    asked: Asked,
}

/// Follows a message through what is sent. Nothing is kept.
pub async fn follow(State(workbench): State<Workbench>, Query(followed): Query<Followed>, request: Request) -> Reply {
    let staged = staged(&workbench, request, followed.name.as_deref()).await?;
    let asked = followed.asked;
    let report = workbench.worked_on(move |office| office.follow(&staged.folder, &asked, &Arc::default())).await?;
    document(StatusCode::OK, &report)
}

/// Files on the disk, until this goes.
struct Staged {
    folder: PathBuf,
    left_bytes: u64,
    max_bytes: u64,
    names: Vec<String>,
}

impl Drop for Staged {
    fn drop(&mut self) {
        // What cannot be removed now is removed at the next start.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Streams the files of a body to the disk.
async fn staged(workbench: &Workbench, request: Request, name: Option<&str>) -> Result<Staged, Refusal> {
    let kind = media_type(request.headers());
    if kind != SEVERAL && !ONE_FILE.contains(&kind.as_str()) {
        let expected = ONE_FILE.join(", ");
        let what = format!("Content-Type: expected {SEVERAL}, {expected}, found `{}`", kind.escape_debug());
        return Err(Sort::MediaType.with(what));
    }
    let max_bytes = workbench.max_upload_bytes();
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > max_bytes) {
        return Err(too_large(max_bytes));
    }
    let folder = workbench.office(|office| office.staging()).await?;
    let mut staged = Staged { folder, left_bytes: max_bytes, max_bytes, names: Vec::new() };
    if kind == SEVERAL {
        let broken = |found: String| Sort::Form.with(format!("body: expected {SEVERAL} with files, found {found}"));
        let mut body =
            Multipart::from_request(request, &()).await.map_err(|rejection| broken(rejection.body_text()))?;
        while let Some(mut field) = in_time(body.next_field()).await?.map_err(|error| broken(error.body_text()))? {
            let Some(name) = field.file_name().map(str::to_owned) else {
                let found =
                    format!("the field `{}` without a file name", field.name().unwrap_or_default().escape_debug());
                return Err(broken(found));
            };
            let mut file = staged.file(&name).await?;
            while let Some(more) = in_time(field.chunk()).await?.map_err(|error| broken(error.body_text()))? {
                staged.write(&mut file, &more).await?;
            }
            file.flush().await.map_err(not_written)?;
        }
    } else {
        let mut file = staged.file(name.unwrap_or("evidence")).await?;
        let mut body: Body = request.into_body();
        while let Some(more) = in_time(next(&mut body)).await? {
            let more = more.map_err(|error| Sort::Form.with(format!("body: expected all of it, found {error}")))?;
            staged.write(&mut file, &more).await?;
        }
        file.flush().await.map_err(not_written)?;
    }
    if staged.names.is_empty() {
        return Err(Sort::Form.with("body: expected a file at least, found none"));
    }
    Ok(staged)
}

/// The next bytes of a body; `None` at its end.
async fn next(body: &mut Body) -> Option<Result<Bytes, axum::Error>> {
    use std::pin::Pin;

    use axum::body::HttpBody as _;
    loop {
        let frame = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await?;
        match frame.map(|frame| frame.into_data()) {
            Ok(Ok(bytes)) => return Some(Ok(bytes)),
            Ok(Err(_)) => {}
            Err(error) => return Some(Err(error)),
        }
    }
}

/// What comes in time.
async fn in_time<T>(coming: impl Future<Output = T>) -> Result<T, Refusal> {
    let silent = |_| Sort::Form.with(format!("body: expected more within {} s, found silence", SILENT.as_secs()));
    tokio::time::timeout(SILENT, coming).await.map_err(silent)
}

impl Staged {
    /// A new file, under a name that is made of the one given.
    async fn file(&mut self, given: &str) -> Result<tokio::fs::File, Refusal> {
        if self.names.len() == MAX_FILES {
            return Err(Sort::TooLarge
                .with(format!("body: expected {MAX_FILES} files at most, found more. Pack them as a ZIP")));
        }
        let name = self.own_name(given);
        let path: &Path = &self.folder.join(&name);
        let file = tokio::fs::OpenOptions::new().write(true).create_new(true).open(path).await.map_err(not_written)?;
        self.names.push(name);
        Ok(file)
    }

    /// A name of ours: letters, digits and `.`, `-`, `_` of the one given, behind its last `/` or `\`, unlike those there are.
    fn own_name(&self, given: &str) -> String {
        let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
        let plain = |letter: char| if letter.is_alphanumeric() || ".-_".contains(letter) { letter } else { '_' };
        let plain: String = last.chars().map(plain).take(80).collect();
        let plain = plain.trim_matches('.');
        let plain = if plain.is_empty() { "evidence" } else { plain };
        let is_free = |name: &String| !self.names.iter().any(|known| known.to_lowercase() == name.to_lowercase());
        let numbered = (2..).map(|number| format!("{number}-{plain}"));
        std::iter::once(plain.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
    }

    async fn write(&mut self, file: &mut tokio::fs::File, bytes: &Bytes) -> Result<(), Refusal> {
        self.left_bytes = self.left_bytes.checked_sub(bytes.len() as u64).ok_or_else(|| too_large(self.max_bytes))?;
        file.write_all(bytes).await.map_err(not_written)
    }
}

fn too_large(max_bytes: u64) -> Refusal {
    Sort::TooLarge
        .with(format!("body: expected {max_bytes} bytes at most, found more. `--max-upload` says how many are taken"))
}

fn not_written(error: std::io::Error) -> Refusal {
    Trouble::new(TroubleKind::Internal, format!("expected room on the disk for an upload, found {error}")).into()
}

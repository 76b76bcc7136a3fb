//! Files that come in: streamed to the disk, added to a case or followed, and gone.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use case::told::AddedEvidence;
use case::{Asked, Purpose};
use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::{Reply, document};
use super::cases::CaseAt;
use super::form::{At, Query, media_type};
use super::problem::{Refusal, Sort};
use crate::entry::{Visitor, secret};
use crate::office::{Trouble, TroubleKind};
use crate::upload::{self, Batch};
use crate::workbench::Workbench;

/// The kinds of body in which one file comes as it is. What it holds is told by its content.
pub const ONE_FILE: [&str; 3] = ["application/octet-stream", "application/zip", "message/rfc822"];
/// The kind of body in which several come.
pub const SEVERAL: &str = "multipart/form-data";

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
    let (batch, refused) = staged(&workbench, &visitor, request, evidence.name.as_deref()).await?;
    let who = visitor.user.name.clone();
    let mut added: AddedEvidence =
        workbench.office(move |office| office.add(&who, at.number, batch.folder(), evidence.purpose)).await?;
    added.refused.extend(refused);
    if !added.files.is_empty() {
        workbench.look_again(&visitor.user.name, at.number);
    }
    document(StatusCode::OK, &added)
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
pub async fn follow(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    Query(followed): Query<Followed>,
    request: Request,
) -> Reply {
    let (batch, refused) = staged(&workbench, &visitor, request, followed.name.as_deref()).await?;
    let asked = followed.asked;
    let mut report = workbench.worked_on(move |office| office.follow(batch.folder(), &asked, &Arc::default())).await?;
    report.assumptions.extend(refused);
    document(StatusCode::OK, &report)
}

/// Streams the files of a body to the disk; gives them with what was refused of them, one sentence each.
async fn staged(
    workbench: &Workbench,
    visitor: &Visitor,
    request: Request,
    name: Option<&str>,
) -> Result<(Batch, Vec<String>), Refusal> {
    let kind = media_type(request.headers());
    if kind != SEVERAL && !ONE_FILE.contains(&kind.as_str()) {
        let expected = ONE_FILE.join(", ");
        let what = format!("Content-Type: expected {SEVERAL}, {expected}, found `{}`", kind.escape_debug());
        return Err(Sort::MediaType.with(what));
    }
    let max_bytes = workbench.max_upload_bytes();
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > max_bytes) {
        return Err(upload::too_large("body", max_bytes).into());
    }
    let caller = Visitor { user: Arc::clone(&visitor.user), csrf: secret().into() };
    let owner = Arc::clone(&caller.csrf);
    let _call = Call { workbench, owner: &owner };
    if kind == SEVERAL {
        let sent = upload::sent(workbench, &caller, request).await.map_err(form)?;
        let none = || {
            Sort::Form.with(
                format!("body: expected a file at least, found none. {}", sent.refused.join("; ")).trim().to_owned(),
            )
        };
        let batch = sent.batch.as_deref().ok_or_else(none)?;
        let batch = workbench.uploads().take(batch, &caller.csrf)?;
        return if sent.has_texts() || batch.is_empty() {
            Err(Sort::Form.with("body: expected fields with files alone, each with a file name, found another"))
        } else {
            Ok((batch, sent.refused))
        };
    }
    let folder = workbench.office(|office| office.staging()).await?;
    let uploads = workbench.uploads();
    let id = uploads.open(&caller, folder)?;
    let taken = one(workbench, &caller, &id, name.unwrap_or("evidence"), request.into_body()).await;
    let batch = uploads.take(&id, &caller.csrf)?;
    taken.map(|()| (batch, Vec::new()))
}

/// A call that brings files: what it leaves behind when it ends, or when nobody waits for it any more, is thrown away.
struct Call<'a> {
    workbench: &'a Workbench,
    owner: &'a str,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.workbench.uploads().throw_away_all(self.owner);
    }
}

/// Streams one file.
async fn one(workbench: &Workbench, caller: &Visitor, id: &str, name: &str, mut body: Body) -> Result<(), Refusal> {
    let mut place = workbench.uploads().place(id, &caller.csrf, name, workbench.max_upload_bytes())?;
    while let Some(more) = upload::next(&mut body).await {
        place.write(&more?).await?;
    }
    place.keep().await?;
    Ok(())
}

/// What is wrong with a form is wrong with the body.
fn form(trouble: Trouble) -> Refusal {
    match trouble.kind {
        TroubleKind::Unfit => Sort::Form.with(format!("body: {}", trouble.what)),
        _ => trouble.into(),
    }
}

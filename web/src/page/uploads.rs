//! What the script of the drop zone asks: a batch, a file for it, and away with either. A form adds the batch.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::{Deserialize, Serialize};

use crate::api::problem::Refusal;
use crate::entry::{Role, Visitor};
use crate::office::{Recognised, Trouble};
use crate::upload;
use crate::workbench::Workbench;

/// Which address does what.
pub fn routes() -> Router<Workbench> {
    Router::new()
        .route("/uploads", post(open))
        .route("/uploads/{batch}/files", post(file).layer(DefaultBodyLimit::disable()))
        .route("/uploads/{batch}/files/{number}/remove", post(remove))
        .route("/uploads/{batch}/remove", post(throw_away))
}

/// A batch that was opened.
#[derive(Serialize)]
struct Opened {
    batch: String,
}

async fn open(State(workbench): State<Workbench>, visitor: Visitor) -> Response {
    let opened = async {
        visitor.may(Role::Engineer)?;
        let folder = workbench.office(|office| office.staging()).await?;
        workbench.uploads().open(&visitor, folder)
    };
    told(opened.await.map(|batch| Opened { batch }))
}

/// What a file is called.
#[derive(Deserialize)]
struct Named {
    name: String,
}

/// A file that is there.
#[derive(Serialize)]
struct Taken {
    number: u64,
    name: String,
    bytes: u64,
    recognised: Vec<Recognised>,
}

/// Takes one file: the body is its bytes, and nothing else.
async fn file(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    Path(batch): Path<String>,
    Query(named): Query<Named>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    told(taken(&workbench, &visitor, &batch, &named.name, &headers, request).await)
}

async fn taken(
    workbench: &Workbench,
    visitor: &Visitor,
    batch: &str,
    name: &str,
    headers: &HeaderMap,
    request: Request,
) -> Result<Taken, Trouble> {
    visitor.may(Role::Engineer)?;
    let max_bytes = workbench.max_upload_bytes();
    let mut place = workbench.uploads().place(batch, &visitor.csrf, name, max_bytes)?;
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > max_bytes) {
        return Err(upload::too_large(name, max_bytes));
    }
    let mut body = request.into_body();
    while let Some(bytes) = upload::next(&mut body).await {
        place.write(&bytes?).await?;
    }
    let taken = place.keep().await?;
    let path = workbench.uploads().path(batch, &visitor.csrf, &taken)?;
    let known = taken.name.clone();
    let recognised = workbench.looked(move |office| Ok(office.recognise(&path, &known))).await?;
    Ok(Taken { number: taken.number, name: taken.name, bytes: taken.bytes, recognised })
}

async fn remove(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    Path((batch, number)): Path<(String, u64)>,
) -> Response {
    let removed = visitor.may(Role::Engineer);
    match removed.and_then(|()| workbench.uploads().take_out(&batch, &visitor.csrf, number)) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(trouble) => Refusal::from(trouble).into_response(),
    }
}

async fn throw_away(State(workbench): State<Workbench>, visitor: Visitor, Path(batch): Path<String>) -> Response {
    match visitor.may(Role::Engineer) {
        Ok(()) => {
            workbench.uploads().throw_away(&batch, &visitor.csrf);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(trouble) => Refusal::from(trouble).into_response(),
    }
}

fn told<T: Serialize>(done: Result<T, Trouble>) -> Response {
    match done {
        Ok(done) => axum::Json(done).into_response(),
        Err(trouble) => Refusal::from(trouble).into_response(),
    }
}

//! How a call is answered: a document, that it is worked on, or that the caller has it already.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::problem::Refusal;
use crate::kept::Answer;
use crate::office::Worked;
use crate::progress::Progress;

/// What comes of a call.
pub type Reply = Result<Response, Refusal>;

/// How long an answer is waited for at most: shorter than what stands between usually allows.
const MAX_WAIT_SECONDS: u64 = 25;

/// How long an answer is waited for.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Wait {
    /// For how many seconds the answer is waited for, if it takes time; then it is 202 with how far it is.
    #[schemars(range(max = 25))]
    pub wait: u64,
}

impl Default for Wait {
    fn default() -> Wait {
        Wait { wait: MAX_WAIT_SECONDS }
    }
}

impl Wait {
    /// As the workbench takes it.
    pub fn patience(self) -> Option<Duration> {
        Some(Duration::from_secs(self.wait.min(MAX_WAIT_SECONDS)))
    }
}

/// That an answer is worked on. Ask again: the work goes on, and the answer is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Working {
    /// Always `throughline.working.v1`.
    pub schema: String,
    /// How many bytes of the evidence were read.
    pub read_bytes: u64,
    /// How many there are to read, as far as that is known; a file may be read again for ids that others revealed.
    pub total_bytes: u64,
}

/// A document.
pub fn document<T: Serialize>(status: StatusCode, document: &T) -> Reply {
    Ok((status, Json(document)).into_response())
}

/// An answer that takes time, as the document that it is.
pub fn answered<T: Serialize>(answer: Answer<T>, tag: &Tag) -> Reply {
    match ready(answer)? {
        Ok(found) => tag.on(document(StatusCode::OK, &*found)),
        Err(working) => Ok(working),
    }
}

/// An answer that takes time, or the answer that it is worked on.
pub fn ready<T>(answer: Answer<T>) -> Result<Result<Arc<T>, Response>, Refusal> {
    match answer {
        Answer::Ready(found) => Ok(Ok(found?)),
        Answer::Working(progress) => Ok(Err(working(&progress))),
    }
}

/// That it is worked on, and when to ask again.
pub fn working(progress: &Progress) -> Response {
    let (read_bytes, total_bytes) = progress.read();
    let body = Working { schema: "throughline.working.v1".to_owned(), read_bytes, total_bytes };
    (StatusCode::ACCEPTED, [(header::RETRY_AFTER, HeaderValue::from_static("1"))], Json(body)).into_response()
}

/// By what a client knows that a document is still the same.
pub struct Tag {
    value: String,
    has_it: bool,
}

/// Answers are kept by the program that found them: another one may find more in the same evidence.
static PROGRAM: LazyLock<String> = LazyLock::new(|| {
    let mut bytes = [0_u8; 6];
    // Without it only a restart goes unnoticed, as long as the version is the same.
    let _ = getrandom::fill(&mut bytes);
    let random: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{random}", env!("CARGO_PKG_VERSION"))
});

impl Tag {
    /// Of what a case shows at a revision; `headers` are those of the request.
    pub fn of(worked: &Worked, revision: u64, headers: &HeaderMap) -> Tag {
        let value = format!("\"{}-{revision}-{}\"", worked.case.uid, *PROGRAM);
        let given = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|given| given.to_str().ok());
        let mut known = given.flat_map(|given| given.split(',')).map(|known| known.trim().trim_start_matches("W/"));
        let has_it = known.any(|known| known == value || known == "*");
        Tag { value, has_it }
    }

    /// The answer for a client that has the document already.
    pub fn known(&self) -> Option<Response> {
        self.has_it.then(|| self.put(StatusCode::NOT_MODIFIED.into_response()))
    }

    /// An answer with its tag.
    pub fn on(&self, reply: Reply) -> Reply {
        reply.map(|response| self.put(response))
    }

    fn put(&self, mut response: Response) -> Response {
        if let Ok(value) = HeaderValue::from_str(&self.value) {
            response.headers_mut().insert(header::ETAG, value);
        }
        response
    }
}

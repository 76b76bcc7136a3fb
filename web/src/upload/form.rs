//! A form with files, as a browser sends it without a script.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::multipart::Field;
use axum::extract::{FromRequest as _, Multipart, Request};
use http_body::{Frame, SizeHint};

use super::{Uploads, broken_off};
use crate::entry::Visitor;
use crate::office::{Trouble, TroubleKind};
use crate::workbench::Workbench;

/// The largest text that is typed or pasted, in bytes, all fields of a form together.
const MAX_TEXT_BYTES: usize = 8 << 20;
/// How many fields a form may have beside its files.
const MAX_FIELDS: usize = 64;
/// How much of a form may come in without a field in it, in bytes.
const MAX_BETWEEN_BYTES: u64 = 4 << 20;

/// What a form sent.
#[derive(Default)]
pub struct Sent {
    /// Its fields without files.
    texts: Vec<(String, String)>,
    /// The batch that its files are in; none if it has none.
    pub batch: Option<String>,
    /// Files that were not taken, one sentence each.
    pub refused: Vec<String>,
}

impl Sent {
    /// A field, without space around it; empty if it was not sent.
    pub fn text(&self, name: &str) -> &str {
        self.texts.iter().find(|(known, _)| known == name).map_or("", |(_, text)| text.trim())
    }

    /// A field, if something is in it.
    pub fn said(&self, name: &str) -> Option<String> {
        Some(self.text(name).to_owned()).filter(|text| !text.is_empty())
    }

    /// Whether anything but files was sent.
    pub fn has_texts(&self) -> bool {
        !self.texts.is_empty()
    }
}

/// Reads a form with files: texts are kept in memory, files are streamed into a batch, the one that its field `batch` names or a new one, and
/// what stands in its field `pasted` is made a file of ours.
///
/// # Errors
/// [`Trouble`] if it cannot be read, or is too large: nothing of it is kept then.
pub async fn sent(workbench: &Workbench, visitor: &Visitor, request: Request) -> Result<Sent, Trouble> {
    let mut sent = Sent::default();
    let read = read(workbench, visitor, request, &mut sent).await;
    let read = match read {
        Ok(()) => pasted(workbench, visitor, &mut sent).await,
        failed => failed,
    };
    match (read, &sent.batch) {
        (Ok(()), _) => Ok(sent),
        (Err(trouble), Some(batch)) => {
            workbench.uploads().throw_away(batch, &visitor.csrf);
            Err(trouble)
        }
        (Err(trouble), None) => Err(trouble),
    }
}

async fn read(workbench: &Workbench, visitor: &Visitor, request: Request, sent: &mut Sent) -> Result<(), Trouble> {
    let between = Arc::new(AtomicU64::new(0));
    let (parts, body) = request.into_parts();
    let body = Body::new(Fair { body, between: Arc::clone(&between), is_turn: false });
    let unfit = |error: &dyn std::fmt::Display| {
        Trouble::new(TroubleKind::Unfit, format!("expected a form as the page sends it, found {error}"))
    };
    let mut form =
        Multipart::from_request(Request::from_parts(parts, body), &()).await.map_err(|error| unfit(&error))?;
    let mut text_bytes = 0;
    while let Some(mut field) = form.next_field().await.map_err(|error| unfit(&error))? {
        between.store(0, Ordering::Relaxed);
        let name = field.name().unwrap_or_default().to_owned();
        match field.file_name().map(str::to_owned) {
            // A browser sends an empty field for each picker in which nothing was picked.
            Some(file) if file.is_empty() => while chunk(&mut field, &between).await?.is_some() {},
            Some(file) => take(workbench, visitor, sent, &file, &mut field, &between).await?,
            None => {
                let mut bytes = Vec::new();
                while let Some(more) = chunk(&mut field, &between).await? {
                    text_bytes += more.len();
                    if text_bytes > MAX_TEXT_BYTES {
                        let what =
                            format!("expected a text of at most {MAX_TEXT_BYTES} bytes, found more. Add it as a file");
                        return Err(Trouble::new(TroubleKind::TooLarge, what));
                    }
                    bytes.extend_from_slice(&more);
                }
                if sent.texts.len() >= MAX_FIELDS {
                    return Err(unfit(&"more fields than any page has"));
                }
                let text = String::from_utf8_lossy(&bytes).into_owned();
                if name == "batch" && !text.is_empty() && sent.batch.is_none() {
                    sent.batch = Some(text.trim().to_owned());
                } else {
                    sent.texts.push((name, text));
                }
            }
        }
    }
    Ok(())
}

/// Takes one file. What is wrong with its name is told of this file alone; what is wrong with its bytes ends the upload.
async fn take(
    workbench: &Workbench,
    visitor: &Visitor,
    sent: &mut Sent,
    file: &str,
    field: &mut Field<'_>,
    between: &AtomicU64,
) -> Result<(), Trouble> {
    let batch = batch(workbench, visitor, sent).await?;
    let mut place = match workbench.uploads().place(&batch, &visitor.csrf, file, workbench.max_upload_bytes()) {
        Ok(place) => place,
        Err(trouble) if trouble.kind == TroubleKind::Unfit => {
            sent.refused.push(trouble.what);
            while chunk(field, between).await?.is_some() {}
            return Ok(());
        }
        Err(trouble) => return Err(trouble),
    };
    while let Some(more) = chunk(field, between).await? {
        place.write(&more).await?;
    }
    place.keep().await.map(|_| ())
}

/// The batch of a form: opened by its first file.
async fn batch(workbench: &Workbench, visitor: &Visitor, sent: &mut Sent) -> Result<String, Trouble> {
    if let Some(batch) = &sent.batch {
        return Ok(batch.clone());
    }
    let folder = workbench.office(|office| office.staging()).await?;
    let uploads: &Uploads = workbench.uploads();
    let batch = uploads.open(visitor, folder)?;
    sent.batch = Some(batch.clone());
    Ok(batch)
}

/// Makes what was pasted a file. Its kind is told by its content, like that of any other.
async fn pasted(workbench: &Workbench, visitor: &Visitor, sent: &mut Sent) -> Result<(), Trouble> {
    let Some(text) = sent.said("pasted") else { return Ok(()) };
    let batch = batch(workbench, visitor, sent).await?;
    let uploads = workbench.uploads();
    let mut place = uploads.place(&batch, &visitor.csrf, "pasted.eml", workbench.max_upload_bytes())?;
    place.write(&Bytes::from(text + "\r\n")).await?;
    place.keep().await?;
    // It is a file now: if the form comes back with an error, it is not to be sent twice.
    sent.texts.retain(|(name, _)| name != "pasted");
    Ok(())
}

/// The next bytes of a field.
async fn chunk(field: &mut Field<'_>, between: &AtomicU64) -> Result<Option<Bytes>, Trouble> {
    let chunk = field.chunk().await.map_err(|error| broken_off(&error))?;
    between.store(0, Ordering::Relaxed);
    Ok(chunk)
}

/// A body that gives one piece at a time, so that whoever reads it never gathers more than it can take, and not too much in which no field is.
struct Fair {
    body: Body,
    between: Arc<AtomicU64>,
    is_turn: bool,
}

impl HttpBody for Fair {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.is_turn = !self.is_turn;
        if !self.is_turn {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Pending => self.is_turn = false,
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
                if self.between.fetch_add(bytes, Ordering::Relaxed) + bytes > MAX_BETWEEN_BYTES {
                    return Poll::Ready(Some(Err(axum::Error::new("more bytes without a field than any page sends"))));
                }
            }
            Poll::Ready(_) => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

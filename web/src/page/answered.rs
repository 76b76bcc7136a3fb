//! An answer that is there, that is worked on, or that there is none.

use std::sync::Arc;

use axum::response::Response;
use maud::{Markup, html};
use report::visible;

use super::shell;
use crate::entry::Visitor;
use crate::kept::Answer;
use crate::office::{Trouble, TroubleKind, Worked};
use crate::progress::Progress;

/// The page of an answer: as `draw` draws it, else how far it is, else why there is none and what to do about that.
pub fn page<T>(
    visitor: &Visitor,
    worked: &Worked,
    part: &str,
    title: &str,
    answer: Answer<T>,
    draw: impl FnOnce(&T) -> Markup,
) -> Response {
    match answer {
        Answer::Ready(Ok(found)) => shell::case_page(visitor, &worked.case, part, title, &draw(&found)),
        Answer::Ready(Err(trouble)) => none(visitor, worked, part, title, &trouble),
        Answer::Working(progress) => shell::waiting_page(visitor, &worked.case, part, &how_far(&progress)),
    }
}

/// The answer itself, or the page that stands for it.
pub fn ready<T>(visitor: &Visitor, worked: &Worked, part: &str, answer: Answer<T>) -> Result<Arc<T>, Box<Response>> {
    match answer {
        Answer::Ready(Ok(found)) => Ok(found),
        Answer::Ready(Err(trouble)) => Err(Box::new(none(visitor, worked, part, "No answer yet", &trouble))),
        Answer::Working(progress) => {
            Err(Box::new(shell::waiting_page(visitor, &worked.case, part, &how_far(&progress))))
        }
    }
}

fn none(visitor: &Visitor, worked: &Worked, part: &str, title: &str, trouble: &Trouble) -> Response {
    if !matches!(trouble.kind, TroubleKind::WhichMessage | TroubleKind::NothingReadable) {
        return shell::failed(visitor, trouble);
    }
    let evidence = format!("/cases/{}/evidence", worked.case.number);
    let body = html! {
        section aria-labelledby="none-title" {
            h2 id="none-title" { "No answer yet" }
            @for line in trouble.what.lines() { p { (visible(line)) } }
            p { a.button href=(evidence) { "Add evidence, or say which message is meant" } }
        }
    };
    shell::case_page(visitor, &worked.case, part, title, &body)
}

/// How far a work is. The page asks again by itself.
pub fn how_far(progress: &Progress) -> Markup {
    let (done, total) = progress.read();
    let percent = (total > 0).then(|| done.saturating_mul(100) / total);
    html! {
        section aria-labelledby="working-title" data-working {
            h2 id="working-title" { "Reading the evidence" }
            @match percent {
                Some(percent) => {
                    progress max="100" value=(percent) aria-label="Read" { (percent) "%" }
                    p { (percent) " % of " (megabytes(total)) " read" }
                }
                None => p { "Beginning" },
            }
            p.soft { "The page goes on by itself. You can leave it: the answer is kept." }
        }
    }
}

/// A size as people say it.
pub fn megabytes(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        1_000_000..1_000_000_000 => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
        _ => format!("{}.{} GB", bytes / 1_000_000_000, bytes / 100_000_000 % 10),
    }
}

//! What one request may not do to the others: end the server, or hold on to it without sending anything.

use std::future::{Future as _, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use super::guard::refusal;
use crate::office::{Trouble, TroubleKind};

/// A body of which nothing came for so long is broken off.
const IDLE: Duration = Duration::from_secs(60);

/// Stands around everything: a fault in the answer to one request is told as such and touches no other, and a client that sends nothing is
/// not waited for.
pub async fn steady(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let request = request.map(|body| Body::new(Patient { body, idle: Box::pin(sleep(IDLE)) }));
    let mut answer = Box::pin(next.run(request));
    let answered = poll_fn(|context| {
        // What panicked is not polled again: it is dropped, with all that it holds.
        match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context))) {
            Ok(polled) => polled.map(Some),
            Err(_) => Poll::Ready(None),
        }
    });
    answered.await.unwrap_or_else(|| {
        let what = "a fault of this program; nothing else is touched by it. Please report it with what you did";
        refusal(&path, &Trouble::new(TroubleKind::Internal, what), StatusCode::INTERNAL_SERVER_ERROR)
    })
}

/// A body whose sender has to send.
struct Patient {
    body: Body,
    idle: Pin<Box<Sleep>>,
}

impl HttpBody for Patient {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(frame) => {
                self.idle.as_mut().reset(Instant::now() + IDLE);
                Poll::Ready(frame)
            }
            Poll::Pending => self.idle.as_mut().poll(context).map(|()| {
                let found = format!("nothing came for {} s", IDLE.as_secs());
                Some(Err(axum::Error::new(std::io::Error::other(found))))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use std::io::{Read as _, Write as _};

    #[test]
    fn a_fault_is_told_and_the_server_lives() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let at = listener.local_addr().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let faulty = move || async move { if at.port() > 0 { panic!("a test of what a fault does") } else { "" } };
        let routes = Router::new().route("/fault", get(faulty)).route("/well", get(|| async { "well" }));
        let routes = routes.layer(from_fn(steady)).layer(from_fn(crate::headers::secure));
        runtime.spawn(async move {
            axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), routes).await.unwrap();
        });
        for (path, status, says) in
            [("/fault", "500", "a fault of this program"), ("/well", "200", "well"), ("/fault", "500", "fault")]
        {
            let mut stream = std::net::TcpStream::connect(at).unwrap();
            write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains(says), "{path}: {answer}");
            assert!(answer.contains("content-security-policy"), "{path}: {answer}");
        }
    }
}

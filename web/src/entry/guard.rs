//! The checks in front of every page and every call.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use super::roles::{Role, User};
use super::secret::hash;
use crate::api::problem;
use crate::office::{Trouble, TroubleKind};
use crate::page;
use crate::workbench::Workbench;

/// The largest form that is not an upload, in bytes.
const MAX_FORM_BYTES: usize = 8 << 20;
/// How long one may take to come in.
const FORM_WITHIN: Duration = Duration::from_secs(120);

/// Who asks.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The user.
    pub user: Arc<User>,
    /// What every form of this session carries; empty for a program with a token.
    pub csrf: Arc<str>,
}

impl Visitor {
    /// Asks that this user may act in a role.
    ///
    /// # Errors
    /// [`TroubleKind::Refused`] if not.
    pub fn may(&self, role: Role) -> Result<(), Trouble> {
        if self.user.roles.has(role) {
            return Ok(());
        }
        let wanted = match role {
            Role::Reader => "somebody who is signed in",
            Role::Engineer => "an engineer",
            Role::Security => "a security approver",
        };
        Err(Trouble::new(
            TroubleKind::Refused,
            format!(
                "expected {wanted}, found {} ({}). Ask somebody who has that role",
                self.user.name, self.user.roles
            ),
        ))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Visitor, StatusCode> {
        // Only a route that stands before the guard has none.
        parts.extensions.get::<Visitor>().cloned().ok_or(StatusCode::UNAUTHORIZED)
    }
}

/// Stands before everything: does a request name this server, and nothing else, as its host? Without that a foreign page whose name leads here
/// could read answers.
pub async fn own_host(State(workbench): State<Workbench>, request: Request, next: Next) -> Response {
    let mut named = request.headers().get_all(header::HOST).iter();
    let (first, is_one) = (named.next(), named.next().is_none());
    let host = first.and_then(|host| host.to_str().ok()).unwrap_or_default();
    let origins = workbench.doors().origins();
    if is_one && origins.is_host(host) {
        return next.run(request).await;
    }
    let found = if is_one { format!("`{}`", host.escape_debug()) } else { "several".to_owned() };
    let what = format!("Host: expected {}, found {found}. Open the workbench by its own address", origins.first());
    let trouble = Trouble::new(TroubleKind::Refused, what);
    refusal(request.uri().path(), &trouble, StatusCode::MISDIRECTED_REQUEST)
}

/// That something was not done, as whoever asks for such a path reads it.
pub fn refusal(path: &str, trouble: &Trouble, status: StatusCode) -> Response {
    if path.starts_with("/api/") { problem::with_status(trouble, status) } else { page::refused(trouble, status) }
}

/// Stands before every page: the session, and for everything that changes something, that one of our own pages asks for it.
pub async fn guard(State(workbench): State<Workbench>, request: Request, next: Next) -> Response {
    let session = cookie(&workbench, request.headers()).and_then(|cookie| workbench.doors().sessions().of(&cookie));
    let Some((user, csrf)) = session else {
        return if matches!(*request.method(), Method::GET | Method::HEAD) {
            Redirect::to("/login").into_response()
        } else {
            let what = "expected a session, found none. Sign in by a login link, then do it again";
            page::refused(&Trouble::new(TroubleKind::Refused, what), StatusCode::UNAUTHORIZED)
        };
    };
    let mut request = if matches!(*request.method(), Method::GET | Method::HEAD) {
        request
    } else {
        match asked_by_own_page(&workbench, request, &csrf).await {
            Ok(request) => request,
            Err(trouble) => return page::refused(&trouble, StatusCode::FORBIDDEN),
        }
    };
    let visitor = Visitor { user: Arc::new(user), csrf: csrf.into() };
    if !matches!(*request.method(), Method::GET | Method::HEAD) && !is_own(request.uri().path()) {
        // Nothing is changed by who only reads; what needs more is asked for where it is done.
        let may = visitor.may(Role::Engineer).or_else(|_| visitor.may(Role::Security));
        if may.is_err()
            && let Err(trouble) = visitor.may(Role::Engineer)
        {
            return page::refused(&trouble, StatusCode::FORBIDDEN);
        }
    }
    request.extensions_mut().insert(visitor.clone());
    page::dressed(&visitor, next.run(request).await).await
}

/// Whether a path changes only what is the user's own.
fn is_own(path: &str) -> bool {
    path == "/logout" || path.starts_with("/account/")
}

/// Asks that a browser does not say that somebody else's page made a request. Browsers that say nothing there are told by the token of the form.
pub fn is_foreign(workbench: &Workbench, headers: &HeaderMap) -> Option<&'static str> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if text("sec-fetch-site").is_some_and(|site| site != "same-origin") {
        return Some("a request of another page");
    }
    if text("origin").is_some_and(|origin| !workbench.doors().origins().is_origin(origin)) {
        return Some("a request of another origin");
    }
    None
}

/// Asks that a request was made by one of our own pages: by its origin, and by the token that only they know. The token stands in a header, in
/// the form, or, of forms with files alone, in the address: those are not read before it is known who sends them.
async fn asked_by_own_page(workbench: &Workbench, request: Request, csrf: &str) -> Result<Request, Trouble> {
    let refused = |found: &str| {
        let what = format!("expected a form of the workbench, found {found}. Load the page again, then send it again");
        Trouble::new(TroubleKind::Refused, what)
    };
    // A body cannot be looked at from two threads, so nothing that is kept over a wait may borrow the request.
    let headers = request.headers().clone();
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?").to_owned());
    if let Some(found) = is_foreign(workbench, &headers) {
        return Err(refused(found));
    }
    let is_kind = |wanted: &str| text("content-type").is_some_and(|kind| kind.starts_with(wanted));
    let is_it = |given: &str| hash(given) == hash(csrf);
    let in_header = text("x-csrf-token").is_some_and(|given| is_it(&given));
    let in_address = request.uri().query().and_then(|query| field(query.as_bytes(), "csrf")).is_some_and(|t| is_it(&t));
    if in_header || (in_address && is_kind("multipart/form-data")) {
        return Ok(request);
    }
    if !is_kind("application/x-www-form-urlencoded") {
        return Err(refused("one without its token"));
    }
    let (parts, body) = request.into_parts();
    let broken = |found: &str| {
        let what = format!(
            "expected a form of {MAX_FORM_BYTES} bytes at most within {} s, found {found}",
            FORM_WITHIN.as_secs()
        );
        Trouble::new(TroubleKind::TooLarge, what)
    };
    let read = tokio::time::timeout(FORM_WITHIN, to_bytes(body, MAX_FORM_BYTES)).await;
    let bytes: Bytes = read.map_err(|_| broken("a slower one"))?.map_err(|_| broken("more, or its end before that"))?;
    if field(&bytes, "csrf").is_some_and(|given| is_it(&given)) {
        Ok(Request::from_parts(parts, Body::from(bytes)))
    } else {
        Err(refused("one without its token"))
    }
}

/// A field of an encoded form. Tokens have no letter that is encoded.
fn field(form: &[u8], name: &str) -> Option<String> {
    let mut fields = form.split(|byte| *byte == b'&');
    let value = fields.find_map(|field| field.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
    Some(String::from_utf8_lossy(value).into_owned())
}

/// The name of the cookie. With TLS the prefix `__Host-` binds it to this very host; without, the port keeps two workbenches of one
/// machine apart.
pub fn cookie_name(workbench: &Workbench) -> String {
    let origins = workbench.doors().origins();
    match origins.first().rsplit_once(':') {
        _ if origins.is_tls() => "__Host-throughline".to_owned(),
        Some((_, port)) if port.parse::<u16>().is_ok() => format!("throughline-{port}"),
        _ => "throughline".to_owned(),
    }
}

/// What the session's cookie holds.
pub fn cookie(workbench: &Workbench, headers: &HeaderMap) -> Option<String> {
    let name = cookie_name(workbench);
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

/// Stands before every call of the API: the token. A cookie counts nothing here, so no page can make a browser call it.
pub async fn token_guard(State(workbench): State<Workbench>, mut request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token =
        given.and_then(|given| given.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"));
    let user = token.and_then(|(_, token)| workbench.doors().tokens().of(token.trim()));
    let Some(user) = user else {
        let what = "expected `Authorization: Bearer TOKEN` with a token that counts, found none. The page Account makes one, and so does \
            `throughline serve --token-for NAME`";
        let trouble = Trouble::new(TroubleKind::Refused, what);
        return problem::with_status(&trouble, StatusCode::UNAUTHORIZED);
    };
    request.extensions_mut().insert(Visitor { user: Arc::new(user), csrf: "".into() });
    next.run(request).await
}

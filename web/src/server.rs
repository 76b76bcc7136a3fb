//! The server: where it listens, and which page answers which address.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;

use crate::entry::{self, Doors, Origins, User};
use crate::office::Office;
use crate::workbench::Workbench;
use crate::{api, assets, headers, page};

/// How long a client may take to say what it wants.
const HEADERS_WITHIN: Duration = Duration::from_secs(20);
/// The largest body of a request that is not an upload, in bytes.
const MAX_BODY_BYTES: usize = 8 << 20;

/// The largest body of who is not signed in yet, in bytes.
const MAX_LOGIN_BYTES: usize = 4 << 10;

/// Where and for whom the workbench is served.
#[derive(Clone, Debug)]
pub struct Listening {
    /// The address; port 0 takes a free one.
    pub at: SocketAddr,
    /// Further names by which it is reached.
    pub names: Vec<String>,
    /// Certificate and key; `None` serves without TLS, which is for loopback only.
    pub tls: Option<Tls>,
    /// Who may come in.
    pub users: Vec<User>,
    /// How many bytes one upload may have.
    pub max_upload_bytes: u64,
}

/// A certificate and its key, both PEM.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The certificate, with what leads to its issuer.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// A server that is about to run.
pub struct Started {
    /// Where it listens.
    pub at: SocketAddr,
    workbench: Workbench,
    handle: Handle<SocketAddr>,
}

impl Started {
    /// A new login link for each user.
    pub fn links(&self) -> Vec<(User, String)> {
        self.workbench.doors().links()
    }

    /// A new token of the API for a user, that may do what the user may; `None` if nobody has that name, or if there are too many.
    pub fn token(&self, name: &str) -> Option<(User, String)> {
        let user = self.workbench.doors().user(name)?;
        let made = self.workbench.doors().tokens().make(user, user.roles, "throughline serve --token-for")?;
        Some((user.clone(), made.text))
    }

    /// Ends it: what is under way may finish for a moment.
    pub fn stop(&self) {
        self.handle.graceful_shutdown(Some(Duration::from_secs(2)));
    }
}

/// What is told of a server once it listens.
pub type Running<'a> = &'a mut dyn FnMut(Arc<Started>);

/// Serves the workbench until somebody stops it. `running` is called once it listens.
///
/// # Errors
/// [`io::Error`] if the address, the certificate or the key cannot be used.
pub fn serve(listening: &Listening, office: Arc<dyn Office>, running: Running<'_>) -> io::Result<()> {
    let listener = TcpListener::bind(listening.at)?;
    let at = listener.local_addr()?;
    let origins = Origins::of(at, &listening.names, listening.tls.is_some());
    let doors = Doors::new(listening.users.clone(), origins);
    let workbench = Workbench::new(office, doors, listening.max_upload_bytes);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let handle = Handle::new();
        #[cfg(unix)]
        end_on_sigterm(handle.clone())?;
        let started = Started { at, workbench: workbench.clone(), handle: handle.clone() };
        let service = router(workbench.clone()).into_make_service();
        tokio::spawn(tidy(workbench.clone()));
        let ended = match &listening.tls {
            None => {
                let mut server = axum_server::from_tcp(listener)?.handle(handle);
                server.http_builder().http1().header_read_timeout(HEADERS_WITHIN);
                running(Arc::new(started));
                server.serve(service).await
            }
            Some(tls) => {
                // The program chooses the provider of cryptography once; who embeds this may have done so already.
                let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
                let config = RustlsConfig::from_pem_file(&tls.certificate, &tls.key).await?;
                let mut server = axum_server::from_tcp_rustls(listener, config)?.handle(handle);
                server.http_builder().http1().header_read_timeout(HEADERS_WITHIN);
                running(Arc::new(started));
                server.serve(service).await
            }
        };
        workbench.uploads().clear();
        ended
    })
}

/// Ends like by Ctrl-C when a service manager asks for it: what was uploaded and not added is thrown away.
#[cfg(unix)]
fn end_on_sigterm(handle: Handle<SocketAddr>) -> io::Result<()> {
    let mut asked = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::spawn(async move {
        asked.recv().await;
        handle.graceful_shutdown(Some(Duration::from_secs(2)));
    });
    Ok(())
}

/// How often uploads are looked for that nobody uses any more.
const TIDY_EVERY: Duration = Duration::from_secs(5 * 60);

/// Throws away what was uploaded and never added.
async fn tidy(workbench: Workbench) {
    loop {
        tokio::time::sleep(TIDY_EVERY).await;
        drop(workbench.uploads().tidy());
    }
}

/// Which page answers which address.
fn router(workbench: Workbench) -> Router {
    let guarded = page::routes()
        .route("/logout", post(entry::leave))
        .fallback(page::nowhere)
        .layer(from_fn_with_state(workbench.clone(), entry::guard));
    let calls = api::routes(&workbench);
    Router::new()
        .route("/assets/app.css", get(assets::style))
        .route("/assets/app.js", get(assets::script))
        .route("/favicon.ico", get(assets::icon))
        .route("/login", get(entry::login).post(entry::enter).layer(DefaultBodyLimit::max(MAX_LOGIN_BYTES)))
        .route("/login/{link}", get(entry::welcome))
        .nest("/api/v1", calls)
        .merge(guarded)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn_with_state(workbench.clone(), entry::own_host))
        .layer(from_fn(entry::steady))
        .layer(from_fn(headers::secure))
        .with_state(workbench)
}

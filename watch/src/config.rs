//! What is watched, by which schedule, and where alerts go: a TOML file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;
use serde::Deserialize;

use crate::alert::Level;
use crate::schedule::Schedule;
use crate::watcher::{Mode, Rules};

/// What is watched, and where alerts go.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The clients.
    #[serde(default, rename = "client")]
    pub clients: Vec<Client>,
    /// Where alerts go.
    #[serde(default, rename = "sink")]
    pub sinks: Vec<Place>,
}

/// A client that is watched.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Its name, as cases and runbooks have it.
    pub name: String,
    /// The folder in which its exports arrive.
    #[serde(rename = "in")]
    pub folder: PathBuf,
    /// When runs are due besides, in cron syntax.
    #[serde(default)]
    pub schedule: Option<String>,
    /// The zone of the schedule; UTC if none is named.
    #[serde(default)]
    pub zone: Option<String>,
    /// How long a file must stay as it is before it is read.
    #[serde(default)]
    pub settle: Option<Span>,
    /// A run that starts so long after it was due has taken place; a later one was missed.
    #[serde(default)]
    pub grace: Option<Span>,
    /// A change is looked at when the evidence goes on so long after it.
    #[serde(default)]
    pub after_change: Option<Span>,
    /// How long such evidence is waited for.
    #[serde(default)]
    pub wait_after_change: Option<Span>,
    /// Evidence that ends longer ago is told.
    #[serde(default)]
    pub stale: Option<Span>,
    /// The zone of records that state none.
    #[serde(default)]
    pub tz: Option<String>,
    /// Hosts or domains that are the client's own.
    #[serde(default)]
    pub trust: Vec<String>,
}

/// Where alerts go: one of `file`, `webhook` and `mail`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// What it is called.
    pub name: String,
    /// The least level of what it takes; `info` for a file, else `alert`.
    #[serde(default)]
    pub least: Option<Level>,
    /// A file that a line of JSON is added to for each alert.
    #[serde(default)]
    pub file: Option<PathBuf>,
    /// A web address that each alert is posted to.
    #[serde(default)]
    pub webhook: Option<Webhook>,
    /// A mailbox.
    #[serde(default)]
    pub mail: Option<Mail>,
}

/// A web address that alerts are posted to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// The address.
    pub url: String,
    /// The secret that signs.
    pub secret: SecretIn,
    /// Whether the address may begin with `http:` although it is no loopback address: what is sent can be read on the way.
    #[serde(default)]
    pub allow_http: bool,
}

/// A mailbox that alerts are sent to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// The server that takes it.
    pub server: String,
    /// Its port; 465 with `implicit`, 587 with `starttls`, 25 with `none`.
    #[serde(default)]
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub tls: Tls,
    /// From whom.
    pub from: String,
    /// To whom.
    pub to: Vec<String>,
    /// The name to log in with; nobody logs in if there is none.
    #[serde(default)]
    pub user: Option<String>,
    /// The password to log in with.
    #[serde(default)]
    pub password: Option<SecretIn>,
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// By STARTTLS; without it nothing is sent.
    #[default]
    Starttls,
    /// From its beginning.
    Implicit,
    /// Not at all: only to a loopback address.
    None,
}

/// Where a secret stands. It is never a part of the configuration, nor of a command line.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "SecretForm")]
pub struct SecretIn {
    /// In a file.
    pub file: Option<PathBuf>,
    /// In a variable of the environment.
    pub env: Option<String>,
    /// Among the credentials that systemd hands over (LoadCredential=).
    pub credential: Option<String>,
}

/// As it is written. What is written otherwise may be the secret itself, so no message repeats it.
#[derive(Deserialize)]
#[serde(untagged)]
enum SecretForm {
    In(SecretFields),
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretFields {
    #[serde(default)]
    file: Option<PathBuf>,
    #[serde(default)]
    env: Option<String>,
    #[serde(default)]
    credential: Option<String>,
}

impl TryFrom<SecretForm> for SecretIn {
    type Error = &'static str;

    fn try_from(form: SecretForm) -> Result<SecretIn, Self::Error> {
        match form {
            SecretForm::In(SecretFields { file, env, credential }) => Ok(SecretIn { file, env, credential }),
            SecretForm::Other(_) => Err(
                "expected where the secret stands: { file = \"...\" }, { env = \"...\" } or { credential = \"...\" }",
            ),
        }
    }
}

/// A span as people write it: `10s`, `15m`, `24h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub SignedDuration);

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Span, String> {
        let fault = || format!("expected a span such as 10s, 15m or 24h, found `{}`", text.escape_debug());
        let span = text.parse::<SignedDuration>().map_err(|_| fault())?;
        let is_in_bounds = !span.is_negative() && span <= SignedDuration::from_hours(24 * 366);
        is_in_bounds.then_some(Span(span)).ok_or_else(fault)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Span, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A configuration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: expected {expected}, found {found}. {hint}")]
pub struct ConfigError {
    /// Which part.
    pub what: String,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// What to try.
    pub hint: String,
}

/// Default of [`Client::settle`].
const SETTLE: SignedDuration = SignedDuration::from_secs(10);
/// Default of [`Client::grace`].
const GRACE: SignedDuration = SignedDuration::from_mins(15);
/// Default of [`Client::after_change`].
const AFTER_CHANGE: SignedDuration = SignedDuration::from_mins(30);
/// Default of [`Client::wait_after_change`].
const WAIT_AFTER_CHANGE: SignedDuration = SignedDuration::from_hours(24);

impl Config {
    /// Reads a configuration; relative paths in it start at `beside`.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(text: &str, beside: &Path) -> Result<Config, ConfigError> {
        let fault = |found: String| ConfigError {
            what: "the configuration".to_owned(),
            expected: "[[client]] with name and in, [[sink]] with name and file, webhook or mail".to_owned(),
            found,
            hint: "docs/watch.md has an example".to_owned(),
        };
        // The message without the line that it quotes: a secret may stand there.
        let line = |at: usize| text.get(..at).unwrap_or_default().matches('\n').count() + 1;
        let said = |error: toml::de::Error| match error.span() {
            Some(span) => format!("in line {}: {}", line(span.start), error.message()),
            None => error.message().to_owned(),
        };
        let mut config: Config = toml::from_str(text).map_err(|error| fault(said(error)))?;
        config.clients.iter_mut().for_each(|client| client.folder = beside.join(&client.folder));
        for sink in &mut config.sinks {
            sink.file = sink.file.take().map(|file| beside.join(file));
            let webhook = sink.webhook.as_mut().map(|webhook| &mut webhook.secret);
            let mail = sink.mail.as_mut().and_then(|mail| mail.password.as_mut());
            for secret in webhook.into_iter().chain(mail) {
                secret.file = secret.file.take().map(|file| beside.join(file));
            }
        }
        config.check()?;
        Ok(config)
    }

    /// Says what is wrong with a configuration, whichever way it came about.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.clients.is_empty() {
            return Err(ConfigError {
                what: "what is watched".to_owned(),
                expected: "at least one client with its folder".to_owned(),
                found: "none".to_owned(),
                hint: "Name one with --client and --in, or with --config".to_owned(),
            });
        }
        let clients: Vec<String> = self.clients.iter().map(|client| crate::state::named(&client.name)).collect();
        let sinks: Vec<String> = self.sinks.iter().map(|sink| sink.name.clone()).collect();
        for (what, names) in [("client", clients), ("sink", sinks)] {
            let mut seen: Vec<&String> = Vec::new();
            for name in &names {
                if name.is_empty() || seen.contains(&name) {
                    return Err(ConfigError {
                        what: what.to_owned(),
                        expected: "a name that no other has".to_owned(),
                        found: format!("`{}`", name.escape_debug()),
                        hint: "Give each a name of its own".to_owned(),
                    });
                }
                seen.push(name);
            }
        }
        self.clients.iter().try_for_each(|client| client.rules(Mode::Once).map(drop))
    }
}

impl Client {
    /// A client of which only name and folder are said.
    pub fn of(name: String, folder: PathBuf) -> Client {
        Client {
            name,
            folder,
            schedule: None,
            zone: None,
            settle: None,
            grace: None,
            after_change: None,
            wait_after_change: None,
            stale: None,
            tz: None,
            trust: Vec::new(),
        }
    }

    /// The rules by which it is watched.
    ///
    /// # Errors
    /// [`ConfigError`] if the schedule cannot be read.
    pub fn rules(&self, mode: Mode) -> Result<Rules, ConfigError> {
        let span = |said: Option<Span>, default: SignedDuration| said.map_or(default, |span| span.0);
        let schedule = self.schedule.as_deref().map(|said| Schedule::read(said, self.zone.as_deref())).transpose();
        let schedule = schedule.map_err(|error| ConfigError {
            what: format!("schedule of `{}`", self.name.escape_debug()),
            expected: "minute, hour, day of month, month, day of week, and a zone".to_owned(),
            found: error.to_string(),
            hint: "Try --schedule '15 6 * * *' --zone Europe/Berlin".to_owned(),
        })?;
        Ok(Rules {
            client: self.name.trim().to_owned(),
            schedule,
            settle: Duration::try_from(span(self.settle, SETTLE)).unwrap_or_default(),
            grace: span(self.grace, GRACE),
            after_change: span(self.after_change, AFTER_CHANGE),
            wait_after_change: span(self.wait_after_change, WAIT_AFTER_CHANGE),
            stale: self.stale.map(|span| span.0),
            mode,
        })
    }
}

impl Place {
    /// The least level of what it takes.
    pub fn takes(&self) -> Level {
        self.least.unwrap_or(if self.file.is_some() { Level::Info } else { Level::Alert })
    }
}

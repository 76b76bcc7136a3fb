//! A mailbox that each alert is sent to.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls as Protected, TlsParameters};
use lettre::{SmtpTransport, Transport as _};
use report::visible;

use super::{Secret, fault, is_loopback};
use crate::alert::{Alert, Level};
use crate::config::{ConfigError, Mail, Tls};
use crate::world::{Before, Fault, NotSent, Sink};

/// A mailbox that each alert is sent to.
pub struct MailSink {
    name: String,
    least: Level,
    from: Mailbox,
    to: Vec<Mailbox>,
    server: String,
    port: u16,
    tls: Tls,
    login: Option<(String, Secret)>,
}

/// For each step of a transfer.
const TIMEOUT: Duration = Duration::from_secs(20);
/// So many records are named in a mail.
const CITES_MAX: usize = 20;

impl MailSink {
    /// A mailbox as it is configured.
    ///
    /// # Errors
    /// [`ConfigError`] if an address cannot be read, if the password cannot, or if it would cross a network unprotected.
    pub fn new(name: String, least: Level, mail: &Mail) -> Result<MailSink, ConfigError> {
        let read = |address: &String| {
            let wrong =
                || fault(&name, "an address such as ops@example.com", format!("`{}`", address.escape_debug()), "");
            address.parse::<Mailbox>().map_err(|_| wrong())
        };
        let from = read(&mail.from)?;
        let to = mail.to.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        if to.is_empty() {
            return Err(fault(&name, "somebody to send to", "nobody", "Name them with to = [...]"));
        }
        if mail.tls == Tls::None && !is_loopback(&mail.server) {
            let hint = "Use tls = \"starttls\" or \"implicit\"";
            return Err(fault(&name, "a protected connection", "tls = \"none\" to another machine", hint));
        }
        let login = match (&mail.user, &mail.password) {
            (None, None) => None,
            (Some(user), Some(password)) => Some((user.clone(), Secret::read(&name, password)?)),
            _ => return Err(fault(&name, "user and password", "one of them", "Name both, or none")),
        };
        let usual = match mail.tls {
            Tls::Starttls => 587,
            Tls::Implicit => 465,
            Tls::None => 25,
        };
        let port = mail.port.unwrap_or(usual);
        Ok(MailSink { name, least, from, to, server: mail.server.clone(), port, tls: mail.tls, login })
    }

    fn transport(&self) -> Result<SmtpTransport, lettre::transport::smtp::Error> {
        let protected = || TlsParameters::new(self.server.clone());
        let tls = match self.tls {
            Tls::Starttls => Protected::Required(protected()?),
            Tls::Implicit => Protected::Wrapper(protected()?),
            Tls::None => Protected::None,
        };
        let transport = SmtpTransport::builder_dangerous(&self.server).port(self.port).tls(tls).timeout(Some(TIMEOUT));
        Ok(match &self.login {
            Some((user, password)) => {
                transport.credentials(Credentials::new(user.clone(), password.text().to_owned())).build()
            }
            None => transport.build(),
        })
    }

    /// The mail. Its header is made of fixed words and of the configuration; what comes from the evidence stands in the body alone,
    /// encoded.
    fn message(&self, alert: &Alert, at: Timestamp) -> Result<Message, lettre::error::Error> {
        let client = visible(&alert.client);
        let subject = format!("throughline: {client}: {}", alert.kind.words());
        let domain = self.from.email.domain();
        let mut message = Message::builder()
            .from(self.from.clone())
            .subject(subject)
            .date(SystemTime::from(at))
            .message_id(Some(format!("<{}@{domain}>", alert.id)))
            .header(ContentType::TEXT_PLAIN);
        for to in &self.to {
            message = message.to(to.clone());
        }
        message.body(text(alert))
    }
}

impl Sink for MailSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn least(&self) -> Level {
        self.least
    }

    fn send(&mut self, alert: &Alert, at: Timestamp, _: Before) -> Result<(), NotSent> {
        let message = self.message(alert, at);
        let message = message.map_err(|error| NotSent { fault: Fault::Alert, said: error.to_string() })?;
        let sent = self.transport().and_then(|transport| transport.send(&message));
        sent.map(drop).map_err(|error| NotSent {
            fault: if error.is_permanent() { Fault::Alert } else { Fault::Place },
            said: visible(&error.to_string()),
        })
    }
}

/// An alert for a reader.
fn text(alert: &Alert) -> String {
    let mut lines = vec![visible(&alert.title), String::new(), visible(&alert.statement), String::new()];
    let mut say = |what: &str, said: Option<String>| {
        lines.extend(said.map(|said| format!("{what}: {}", visible(&said))));
    };
    say("Client", Some(alert.client.clone()));
    say("Happened at", alert.happened_at.map(|at| at.to_string()));
    say("Noticed at", Some(alert.at.to_string()));
    say("Runbook", alert.runbook.clone());
    say("Owner", alert.owner.clone());
    say("Case", alert.case.map(|case| case.to_string()));
    say("Fetch", (!alert.ask_for.is_empty()).then(|| alert.ask_for.join(", ")));
    if !alert.cites.is_empty() {
        lines.extend([String::new(), "Records:".to_owned()]);
        lines.extend(alert.cites.iter().take(CITES_MAX).map(|cite| format!("  {}", visible(&place(cite)))));
    }
    lines.extend([String::new(), format!("Alert: {}", alert.id), String::new()]);
    lines.join("\r\n")
}

fn place(cite: &report::Cite) -> String {
    match (cite.line, cite.record) {
        (Some(line), _) => format!("{}:{line}: {}", cite.file, cite.said),
        (None, Some(record)) => format!("{}, record {record}: {}", cite.file, cite.said),
        (None, None) => format!("{}: {}", cite.file, cite.said),
    }
}

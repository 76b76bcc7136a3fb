//! Asks the DNS, and keeps what it said: only when `--resolve` asks for it.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use auth::{Answer, Dns, Question, RecordType};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::{DnsError, NetError, runtime::TokioRuntimeProvider};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{self, Name, RData};
use serde_json::json;

use crate::failure::Failure;

/// How long one question may take, with its repetitions.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most questions of one run; one message needs a few dozen, and a hostile one shall not make us ask for ever.
const MAX_QUESTIONS: usize = 500;

/// A resolver that remembers.
pub struct Live {
    runtime: tokio::runtime::Runtime,
    resolver: TokioResolver,
    asked: Mutex<BTreeMap<Question, Answer>>,
}

impl Live {
    /// A resolver that asks `server`, or the machine's own servers.
    ///
    /// # Errors
    /// [`Failure::Usage`] if the machine's servers are not known.
    pub fn new(server: Option<SocketAddr>) -> Result<Live, Failure> {
        let fault = |error: &dyn std::fmt::Display| Failure::Usage {
            what: "--resolve".to_owned(),
            expected: "a name server to ask".to_owned(),
            found: error.to_string(),
            hint: "Name one with --resolver 192.0.2.53, or save answers and give them with --dns".to_owned(),
        };
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| fault(&error))?;
        let builder = match server {
            Some(server) => TokioResolver::builder_with_config(only(server), TokioRuntimeProvider::default()),
            None => TokioResolver::builder_tokio().map_err(|error| fault(&error))?,
        };
        let mut builder = builder;
        let options = builder.options_mut();
        options.timeout = PATIENCE / 2;
        options.attempts = 1;
        // What we keep is what the DNS said to this very name.
        options.ndots = 0;
        options.use_hosts_file = hickory_resolver::config::ResolveHosts::Never;
        let resolver = builder.build().map_err(|error| fault(&error))?;
        Ok(Live { runtime, resolver, asked: Mutex::default() })
    }

    /// How many answers were used.
    pub fn len(&self) -> u64 {
        self.asked.lock().map_or(0, |asked| asked.len() as u64)
    }

    /// Keeps an answer that was known already, so that what is saved repeats the check by itself.
    pub fn keep(&self, name: &str, record_type: RecordType, answer: &Answer) {
        if let Ok(mut asked) = self.asked.lock() {
            let question = Question { name: name.to_owned(), record_type };
            asked.entry(question).or_insert_with(|| answer.clone());
        }
    }

    fn look_up(&self, name: &str, record_type: RecordType) -> Answer {
        // The last dot keeps the machine's search list out.
        let Ok(asked) = Name::from_ascii(format!("{name}.")) else { return Answer::NoName };
        let found = self.runtime.block_on(async {
            tokio::time::timeout(PATIENCE, self.resolver.lookup(asked, type_of(record_type))).await
        });
        match found {
            Err(_) | Ok(Err(NetError::Timeout)) => Answer::Failed("TIMEOUT".into()),
            Ok(Ok(lookup)) => {
                let records = lookup.answers().iter().filter_map(|record| text(&record.data, record_type));
                Answer::of("NOERROR", records.collect())
            }
            Ok(Err(NetError::Dns(DnsError::NoRecordsFound(none)))) => Answer::of(status(none.response_code), vec![]),
            Ok(Err(NetError::Dns(DnsError::ResponseCode(code)))) => Answer::of(status(code), vec![]),
            Ok(Err(error)) => Answer::Failed(error.to_string().into()),
        }
    }

    /// Writes every question and its answer, one JSON object a line, in the spelling that `--dns` reads.
    ///
    /// # Errors
    /// [`Failure::Usage`] if the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Failure> {
        let asked = self.asked.lock().map_err(|_| Failure::Internal("the answers are lost".to_owned()))?;
        let mut lines = String::new();
        for (question, answer) in asked.iter() {
            let (status, data): (&str, &[String]) = match answer {
                Answer::Records(records) => ("NOERROR", records),
                Answer::NoData => ("NOERROR", &[]),
                Answer::NoName => ("NXDOMAIN", &[]),
                Answer::Failed(status) => (status, &[]),
                Answer::NotSaved => continue,
            };
            let line =
                json!({"name": question.name, "type": question.record_type.id(), "status": status, "data": data});
            lines.push_str(&format!("{line}\n"));
        }
        fs::write(path, lines).map_err(|error| Failure::Usage {
            what: "--save-dns".to_owned(),
            expected: "a file that can be written".to_owned(),
            found: format!("{}: {error}", path.display()),
            hint: "Name another place".to_owned(),
        })
    }
}

impl Dns for Live {
    fn ask(&self, name: &str, record_type: RecordType) -> Answer {
        let question = Question { name: name.to_owned(), record_type };
        let known = |live: &Live| {
            let asked = live.asked.lock().ok()?;
            let full = (asked.len() >= MAX_QUESTIONS).then_some(Answer::NotSaved);
            asked.get(&question).cloned().or(full)
        };
        if let Some(answer) = known(self) {
            return answer;
        }
        let answer = self.look_up(name, record_type);
        if let Ok(mut asked) = self.asked.lock() {
            asked.insert(question, answer.clone());
        }
        answer
    }
}

/// One server over UDP, and TCP for long answers.
fn only(server: SocketAddr) -> ResolverConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = server.port();
        connection
    });
    let server = NameServerConfig::new(server.ip(), true, connections.to_vec());
    ResolverConfig::from_parts(None, vec![], vec![server])
}

/// An address with or without a port; 53 is the port of the DNS.
///
/// # Errors
/// What was expected, if it is neither.
pub fn server(text: &str) -> Result<SocketAddr, String> {
    let bare = |text: &str| text.trim_matches(['[', ']']).parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
    text.parse::<SocketAddr>().or_else(|_| bare(text)).map_err(|_| "expected an address such as 192.0.2.53".to_owned())
}

fn type_of(record_type: RecordType) -> rr::RecordType {
    match record_type {
        RecordType::A => rr::RecordType::A,
        RecordType::Aaaa => rr::RecordType::AAAA,
        RecordType::Mx => rr::RecordType::MX,
        RecordType::Ptr => rr::RecordType::PTR,
        RecordType::Txt => rr::RecordType::TXT,
    }
}

/// The record as [`Answer::Records`] spells it; `None` for one of another type, such as the alias that led to it.
fn text(data: &RData, record_type: RecordType) -> Option<String> {
    let name = |name: &Name| name.to_ascii().trim_end_matches('.').to_ascii_lowercase();
    match (data, record_type) {
        (RData::A(ip), RecordType::A) => Some(ip.0.to_string()),
        (RData::AAAA(ip), RecordType::Aaaa) => Some(ip.0.to_string()),
        (RData::MX(mx), RecordType::Mx) => Some(format!("{} {}", mx.preference, name(&mx.exchange))),
        (RData::PTR(ptr), RecordType::Ptr) => Some(name(&ptr.0)),
        (RData::TXT(txt), RecordType::Txt) => {
            let bytes: Vec<u8> = txt.txt_data.iter().flat_map(|part| part.iter().copied()).collect();
            Some(
                String::from_utf8(bytes)
                    .unwrap_or_else(|error| error.into_bytes().into_iter().map(char::from).collect()),
            )
        }
        _ => None,
    }
}

/// A response code as RFC 6895 spells it.
fn status(code: ResponseCode) -> &'static str {
    match code {
        ResponseCode::NoError => "NOERROR",
        ResponseCode::NXDomain => "NXDOMAIN",
        ResponseCode::FormErr => "FORMERR",
        ResponseCode::NotImp => "NOTIMP",
        ResponseCode::Refused => "REFUSED",
        _ => "SERVFAIL",
    }
}

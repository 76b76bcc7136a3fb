//! Messages a second and core, checked by `auth` and by the mail-auth crate, in turns in one run.
//!
//! `cargo run --release -- CORPUS [ROUNDS]`: CORPUS is a folder with `index.jsonl`, `dns.json` and `msg/`, as
//! `benches/auth.py` makes it. Every verdict of both is compared with what the index expects.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use auth::dkim::{Explain, Keys};
use auth::{Answer, Answers, Envelope, Extent, Question, RecordType};
use mail_auth::common::parse::TxtRecordParser;
use mail_auth::common::verify::DomainKey;
use mail_auth::dmarc::Dmarc;
use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::spf::Spf;
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{
    AuthenticatedMessage, DkimResult, DmarcResult, DnssecStatus, MX, MessageAuthenticator, Parameters, RecordSet, ResolverCache, SpfResult, Txt,
};
use serde_json::Value;

struct Message {
    raw: Vec<u8>,
    envelope: Envelope,
    expected: Verdict,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Verdict {
    spf: bool,
    dkim: bool,
    arc: Option<bool>,
    dmarc: bool,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let corpus = arguments.next().expect("a corpus");
    let rounds: usize = arguments.next().map_or(5, |rounds| rounds.parse().expect("a number"));
    let messages = messages(&corpus);
    let dns: Value = serde_json::from_slice(&std::fs::read(format!("{corpus}/dns.json")).expect("dns.json")).expect("JSON");
    let bytes: usize = messages.iter().map(|message| message.raw.len()).sum();
    println!("{} messages, {:.1} MB, {rounds} rounds in turns", messages.len(), bytes as f64 / 1e6);

    let answers = answers(&dns);
    let peer = Peer::of(&dns);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (mut ours, mut theirs, mut both) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let keys = Keys::default();
        ours.push(timed(|| messages.iter().for_each(|message| check(message, &own(message, &answers, &keys), "auth"))));
        theirs.push(timed(|| {
            runtime.block_on(async {
                for message in &messages {
                    check(message, &peer.verify(message).await, "mail-auth");
                }
            });
        }));
        both.push(timed(|| {
            std::thread::scope(|scope| {
                for half in messages.chunks(messages.len().div_ceil(2)) {
                    let (answers, keys) = (&answers, &keys);
                    scope.spawn(move || half.iter().for_each(|message| check(message, &own(message, answers, keys), "auth")));
                }
            });
        }));
    }
    let rate = |times: &mut Vec<Duration>| {
        times.sort();
        messages.len() as f64 / times[times.len() / 2].as_secs_f64()
    };
    let (ours, theirs, both) = (rate(&mut ours), rate(&mut theirs), rate(&mut both));
    println!("auth       {ours:>8.0} messages a second, one core (median)");
    println!("mail-auth  {theirs:>8.0} messages a second, one core (median)");
    println!("ratio      {:>8.2} of mail-auth", ours / theirs);
    println!("two cores  {both:>8.0} messages a second, {:.2} times one core", both / ours);
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn check(message: &Message, found: &Verdict, who: &str) {
    assert_eq!(*found, message.expected, "{who}: {:?}", message.envelope);
}

fn messages(corpus: &str) -> Vec<Message> {
    let index = std::fs::read_to_string(format!("{corpus}/index.jsonl")).expect("index.jsonl");
    index
        .lines()
        .map(|line| {
            let entry: Value = serde_json::from_str(line).expect("JSON");
            let text = |key: &str| entry[key].as_str().expect(key).to_owned();
            let expect = |key: &str| entry["expect"][key].as_str().expect(key) == "pass";
            let sender = text("mail_from");
            let raw = std::fs::read(format!("{corpus}/{}", text("file"))).expect("a message");
            let author = header_domain(&raw);
            Message {
                raw,
                expected: Verdict {
                    spf: expect("spf"),
                    dkim: expect("dkim"),
                    arc: (entry["expect"]["arc"] != "none").then(|| expect("arc")),
                    dmarc: expect("dmarc"),
                },
                envelope: Envelope {
                    client: Some(text("ip").parse().expect("an address")),
                    helo: text("helo"),
                    sender: Some(sender),
                    receiver: Some("mx1.client.example".to_owned()),
                    at: None,
                    author_domains: vec![author],
                },
            }
        })
        .collect()
}

fn header_domain(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    let from = text.lines().find(|line| line.starts_with("From: ")).expect("a From field");
    from.rsplit('@').next().expect("a domain").trim_end_matches('>').to_owned()
}

fn texts(record: &Value) -> String {
    match record {
        Value::Array(parts) => parts.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().expect("a text").to_owned(),
    }
}

/// The records; every other name does not exist.
fn answers(dns: &Value) -> Closed {
    let mut answers = Answers::default();
    for (name, types) in dns.as_object().expect("names") {
        for (id, records) in types.as_object().expect("types") {
            let record_type = RecordType::of(id).expect("a type");
            let records = records.as_array().expect("records").iter().map(texts).collect();
            answers.insert(&Question::new(name, record_type), Answer::of("NOERROR", records));
        }
    }
    Closed(answers)
}

struct Closed(Answers);

impl auth::Dns for Closed {
    fn ask(&self, name: &str, record_type: RecordType) -> Answer {
        match self.0.ask(name, record_type) {
            Answer::NotSaved => Answer::NoName,
            answer => answer,
        }
    }
}

fn own(message: &Message, answers: &Closed, keys: &Keys) -> Verdict {
    let found = auth::check(&message.raw, Extent::Whole, &message.envelope, answers, keys, Explain::No);
    let passed = |result: &Option<evidence::AuthResult>| *result == Some(evidence::AuthResult::Pass);
    Verdict {
        spf: found.spf.is_some_and(|spf| passed(&spf.result)),
        dkim: found.dkim.iter().any(|dkim| passed(&dkim.result)),
        arc: found.arc.filter(|arc| arc.result != Some(evidence::AuthResult::None)).map(|arc| passed(&arc.result)),
        dmarc: passed(&found.dmarc.result),
    }
}

/// The peer with all answers in its caches, so that it never asks the network.
struct Peer {
    authenticator: MessageAuthenticator,
    txt: Cache<Box<str>, Txt>,
    mx: Cache<Box<str>, RecordSet<MX>>,
    ipv4: Cache<Box<str>, RecordSet<Ipv4Addr>>,
    ipv6: Cache<Box<str>, RecordSet<Ipv6Addr>>,
    ptr: Cache<IpAddr, RecordSet<Box<str>>>,
}

struct Cache<K, V> {
    known: HashMap<K, V>,
    otherwise: Option<V>,
}

impl<K: Hash + Eq, V: Clone> ResolverCache<K, V> for Cache<K, V> {
    fn get<Q>(&self, name: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.known.get(name).or(self.otherwise.as_ref()).cloned()
    }

    fn remove<Q>(&self, _: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, _: K, _: V, _: Instant) {}
}

fn set<T>(records: Vec<T>) -> RecordSet<T> {
    RecordSet { rrset: records.into(), dnssec_status: DnssecStatus::default() }
}

impl Peer {
    fn of(dns: &Value) -> Peer {
        let (mut txt, mut ipv4) = (HashMap::new(), HashMap::new());
        for (name, types) in dns.as_object().expect("names") {
            let key: Box<str> = format!("{name}.").into();
            for record in types["TXT"].as_array().into_iter().flatten() {
                let text = texts(record);
                let parsed = if name.starts_with("_dmarc.") {
                    Txt::Dmarc(Arc::new(Dmarc::parse(text.as_bytes()).expect("DMARC")))
                } else if name.contains("._domainkey.") {
                    Txt::DomainKey(Arc::new(DomainKey::parse(text.as_bytes()).expect("a key")))
                } else {
                    Txt::Spf(Arc::new(Spf::parse(text.as_bytes()).expect("SPF")))
                };
                txt.insert(key.clone(), parsed);
            }
            if let Some(addresses) = types["A"].as_array() {
                let addresses: Vec<Ipv4Addr> = addresses.iter().map(|one| texts(one).parse().expect("an address")).collect();
                ipv4.insert(key, set(addresses));
            }
        }
        let missing = Txt::Error(mail_auth::Error::Dns(mail_auth::DnsError::RecordNotFound(
            mail_auth::hickory_resolver::proto::op::ResponseCode::NXDomain),
        ));
        Peer {
            authenticator: MessageAuthenticator::new_google().expect("it is made"),
            txt: Cache { known: txt, otherwise: Some(missing) },
            mx: Cache { known: HashMap::new(), otherwise: Some(set(Vec::new())) },
            ipv4: Cache { known: ipv4, otherwise: Some(set(Vec::new())) },
            ipv6: Cache { known: HashMap::new(), otherwise: Some(set(Vec::new())) },
            ptr: Cache { known: HashMap::new(), otherwise: Some(set(Vec::new())) },
        }
    }

    fn with<'x, P>(
        &'x self,
        params: P,
    ) -> Parameters<
        'x,
        P,
        Cache<Box<str>, Txt>,
        Cache<Box<str>, RecordSet<MX>>,
        Cache<Box<str>, RecordSet<Ipv4Addr>>,
        Cache<Box<str>, RecordSet<Ipv6Addr>>,
        Cache<IpAddr, RecordSet<Box<str>>>,
    > {
        Parameters {
            params,
            cache_txt: Some(&self.txt),
            cache_mx: Some(&self.mx),
            cache_ptr: Some(&self.ptr),
            cache_ipv4: Some(&self.ipv4),
            cache_ipv6: Some(&self.ipv6),
        }
    }

    async fn verify(&self, message: &Message) -> Verdict {
        let parsed = AuthenticatedMessage::parse(&message.raw).expect("a message");
        let sender = message.envelope.sender.as_deref().unwrap_or("");
        let client = message.envelope.client.expect("an address");
        let dkim = self.authenticator.verify_dkim(self.with(&parsed)).await;
        let arc = self.authenticator.verify_arc(self.with(&parsed)).await;
        let from = SpfParameters::verify_mail_from(client, &message.envelope.helo, "mx1.client.example", sender);
        let spf = self.authenticator.verify_spf(self.with(from)).await;
        let dmarc = DmarcParameters::new(
            &parsed,
            &dkim,
            sender.rsplit('@').next().unwrap_or(""),
            &spf,
        );
        let dmarc = self.authenticator.verify_dmarc(self.with(dmarc)).await;
        Verdict {
            spf: spf.result() == SpfResult::Pass,
            dkim: dkim.iter().any(|one| *one.result() == DkimResult::Pass),
            arc: (*arc.result() != DkimResult::None).then(|| *arc.result() == DkimResult::Pass),
            dmarc: *dmarc.spf_result() == DmarcResult::Pass || *dmarc.dkim_result() == DmarcResult::Pass,
        }
    }
}

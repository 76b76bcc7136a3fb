//! The samples that lie beside the project, and the generated corpus: which messages, and which keys are known for them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use auth::message::Raw;
use serde_json::Value;

use crate::signer::crlf;
use crate::{Case, Envelope, Record};

const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared");

/// The zone in which no name exists.
const NO_KEYS: &str = "no keys";

/// When a message without any `t=` is taken to be received.
const AT: i64 = 1_600_000_000;

/// All samples with a signature or an ARC set; `None` if they are not at hand.
pub fn cases() -> Option<(Vec<Case>, Vec<Record>)> {
    let root = Path::new(SHARED).join("samples");
    if !root.join("conformance").is_dir() {
        eprintln!("skipped: {} is not at hand; nothing of it is compared", root.display());
        return None;
    }
    let mut found = Found::default();
    let conformance = root.join("conformance");
    found.valimail(&conformance.join("arc-valimail/arc-draft-validation-tests.yml"));
    found.chasquid(&conformance.join("dkim-chasquid"));
    found.stalwart(&conformance.join("stalwart-mail-auth"));
    found.dkimpy(&conformance.join("dkimpy"));
    found.authheaders(&conformance.join("authheaders"));
    for folder in [
        "conformance/mailauth",
        "conformance/mimekit-dkim",
        "conformance/spamassassin-dkim",
        "dsn",
        "mail-parsing",
        "phishing_pot",
        "reports",
    ] {
        for path in files(&root.join(folder)) {
            let name = path.strip_prefix(&root).expect("below").to_string_lossy().replace('\\', "/");
            found.add(&name, fs::read(&path).expect("a sample"), NO_KEYS);
        }
    }
    Some((found.cases, found.records))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

fn text(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

#[derive(Default)]
struct Found {
    cases: Vec<Case>,
    records: Vec<Record>,
}

impl Found {
    /// Takes a message if it carries a signature or an ARC set.
    fn add(&mut self, name: &str, message: Vec<u8>, zone: &str) {
        let raw = Raw::of(&message);
        let names = ["DKIM-Signature", "ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results"];
        if !raw.fields.iter().any(|field| names.iter().any(|name| field.is(name))) {
            return;
        }
        let at = raw.fields.iter().filter(|field| names[..3].iter().any(|name| field.is(name)));
        let at = at.filter_map(|field| signed_at(field.value())).max().unwrap_or(AT);
        self.cases.push(Case {
            name: name.to_owned(),
            zone: zone.to_owned(),
            message,
            at,
            envelope: None,
            expected: Vec::new(),
        });
    }

    fn txt(&mut self, zone: &str, name: &str, text: &str) {
        self.answer(zone, name, "NOERROR", vec![text.trim().to_owned()]);
    }

    fn answer(&mut self, zone: &str, name: &str, status: &str, data: Vec<String>) {
        self.records.push(Record {
            zone: zone.to_owned(),
            name: name.to_owned(),
            record_type: "TXT".to_owned(),
            status: status.to_owned(),
            data,
        });
    }

    fn valimail(&mut self, path: &Path) {
        for (number, document) in serde_yaml_ng::Deserializer::from_str(&text(path)).enumerate() {
            let scenario: Value = serde::Deserialize::deserialize(document).expect("a scenario");
            let zone = format!("valimail {number}");
            for (name, record) in scenario["txt-records"].as_object().into_iter().flatten() {
                self.txt(&zone, name, record.as_str().expect("a record"));
            }
            for (name, test) in scenario["tests"].as_object().into_iter().flatten() {
                let message = crlf(test["message"].as_str().expect("a message"));
                self.add(&format!("valimail/{name}"), message, &zone);
            }
        }
    }

    fn chasquid(&mut self, root: &Path) {
        // A file of one line names another one.
        let followed = |path: &Path| {
            let found = text(path);
            let other = path.with_file_name(found.trim());
            if !found.trim().contains('\n') && other.is_file() { text(&other) } else { found }
        };
        for path in files(root).iter().filter(|path| path.extension().is_some_and(|end| end == "msg")) {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let zone = format!("chasquid {name}");
            for line in followed(&path.with_extension("dns")).replace("\\\n", "").lines() {
                match line.split_once(": ") {
                    Some((name, "TEMPERROR")) => self.answer(&zone, name, "SERVFAIL", vec![]),
                    Some((name, record)) => self.txt(&zone, name, record),
                    None => {}
                }
            }
            self.add(&format!("chasquid/{name}"), crlf(&followed(path)), &zone);
        }
    }

    fn stalwart(&mut self, root: &Path) {
        for path in files(root) {
            let name = path.strip_prefix(root).expect("below").to_string_lossy().replace('\\', "/");
            let zone = format!("stalwart {name}");
            let whole = text(&path);
            let Some((records, message)) = whole.split_once("\n\n") else { continue };
            for (name, record) in records.lines().filter_map(|line| line.split_once(' ')) {
                self.txt(&zone, name, record);
            }
            self.add(&format!("stalwart/{name}"), crlf(message), &zone);
        }
    }

    /// One message under each of the key records.
    fn dkimpy(&mut self, root: &Path) {
        let message = crlf(&text(&root.join("rfc6376.signed.no_t.msg")));
        let keys =
            files(root).into_iter().filter(|path| path.extension().is_some_and(|end| end == "txt" || end == "dns"));
        for path in keys {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            self.txt(&format!("dkimpy {name}"), "test._domainkey.football.example.com", &text(&path));
            self.add(&format!("dkimpy/{name}"), message.clone(), &format!("dkimpy {name}"));
        }
        for path in
            files(root).iter().filter(|path| path.extension().is_some_and(|end| end == "msg" || end == "message"))
        {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            self.add(&format!("dkimpy/{name}"), fs::read(path).expect("a sample"), "dkimpy test.txt");
        }
    }

    fn authheaders(&mut self, root: &Path) {
        self.txt("authheaders", "test._domainkey.example.com", &text(&root.join("test.txt")));
        for path in files(root) {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            self.add(&format!("authheaders/{name}"), fs::read(&path).expect("a sample"), "authheaders");
        }
    }
}

/// The `t=` of a signature.
fn signed_at(value: &[u8]) -> Option<i64> {
    let text = String::from_utf8_lossy(value).into_owned();
    text.split(';').filter_map(|tag| tag.split_once('=')).find(|(name, _)| name.trim() == "t")?.1.trim().parse().ok()
}

/// The generated corpus, with the verdicts that its index expects; `None` if it cannot be made.
pub fn corpus(python: &Path, folder: &Path, messages: u32) -> Option<(Vec<Case>, Vec<Record>)> {
    let generator = Path::new(SHARED).join("bench/gen_auth_corpus.py");
    let made = generator.is_file().then(|| {
        Command::new(python)
            .arg(&generator)
            .arg("--messages")
            .arg(messages.to_string())
            .arg("--out")
            .arg(folder)
            .output()
    });
    match made {
        Some(Ok(output)) if output.status.success() => {}
        Some(Ok(output)) => {
            let said = String::from_utf8_lossy(&output.stderr);
            eprintln!("skipped: the corpus cannot be made: {}", said.lines().last().unwrap_or_default());
            return None;
        }
        Some(Err(error)) => {
            eprintln!("skipped: the corpus cannot be made: {error}");
            return None;
        }
        None => {
            eprintln!("skipped: {} is not at hand", generator.display());
            return None;
        }
    }
    let zone = "corpus";
    let mut records = Vec::new();
    let dns: Value = serde_json::from_str(&text(&folder.join("dns.json"))).expect("JSON");
    for (name, types) in dns.as_object().expect("names") {
        for (record_type, data) in types.as_object().expect("types") {
            let data = data.as_array().expect("records").iter().map(|one| match one {
                Value::Array(strings) => strings.iter().filter_map(Value::as_str).collect(),
                one => one.as_str().expect("a text").to_owned(),
            });
            records.push(Record {
                zone: zone.to_owned(),
                name: name.clone(),
                record_type: record_type.clone(),
                status: "NOERROR".to_owned(),
                data: data.collect(),
            });
        }
    }
    let index = text(&folder.join("index.jsonl"));
    let cases = index.lines().map(|line| {
        let entry: Value = serde_json::from_str(line).expect("JSON");
        let field = |name: &str| entry[name].as_str().expect(name).to_owned();
        let expected = |name: &'static str| {
            let word = match entry["expect"][name].as_str().expect(name) {
                "pass" => "pass",
                "none" => "none",
                _ => "fail",
            };
            (name, word)
        };
        let message = fs::read(folder.join(field("file"))).expect("a message");
        let from =
            Raw::of(&message).named("From").next().map(|field| String::from_utf8_lossy(field.value()).into_owned());
        let author = from
            .as_deref()
            .and_then(|from| from.rsplit('@').next())
            .expect("an author")
            .trim_end_matches('>')
            .to_owned();
        Case {
            name: format!("corpus/{}", field("file")),
            zone: zone.to_owned(),
            at: AT_CORPUS,
            envelope: Some(Envelope {
                client: field("ip"),
                helo: field("helo"),
                envelope_sender: field("mail_from"),
                author,
            }),
            expected: ["dkim", "arc", "spf", "dmarc"].into_iter().map(expected).collect(),
            message,
        }
    });
    Some((cases.collect(), records))
}

/// After the corpus is signed, whenever that is: its signatures carry the instant at which it is made.
const AT_CORPUS: i64 = 4_000_000_000;

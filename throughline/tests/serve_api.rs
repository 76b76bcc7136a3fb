//! The workbench over HTTP as JSON: every operation against the document that it publishes, roles, pages, repeated calls, problems, the
//! examples of `docs/api.md`, and what schemathesis makes up.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Who comes in, in the order of [`Server::tokens`].
const USERS: [(&str, &str); 4] =
    [("rea", "reader"), ("kim", "engineer"), ("sam", "security"), ("max", "engineer+security")];
const READER: usize = 0;
const ENGINEER: usize = 1;
const SECURITY: usize = 2;
const BOTH: usize = 3;

/// The program, serving a store of its own.
struct Server {
    child: Child,
    at: String,
    tokens: Vec<String>,
    _store: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What came back.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    fn kind(&self) -> &str {
        self.headers.get("content-type").map_or("", |kind| kind.split(';').next().unwrap_or_default())
    }
}

impl Server {
    fn start() -> Server {
        let store = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--max-upload", "2000000", "--store"]).arg(store.path());
        for (name, role) in USERS {
            command.args(["--user", &format!("{name}={role}"), "--token-for", name]);
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
        let link = lines.find(|line| line.contains("http://")).expect("a link");
        let at = link.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address").to_owned();
        let mut tokens = Vec::new();
        for line in lines.by_ref() {
            tokens.extend(line.split_whitespace().find(|word| word.starts_with("throughline_")).map(str::to_owned));
            if tokens.len() == USERS.len() {
                break;
            }
        }
        Server { child, at, tokens, _store: store }
    }

    /// Calls below `/api/v1`.
    fn call(&self, method: &str, path: &str, token: Option<usize>, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut head = format!("{method} /api/v1{path} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            head.push_str(&format!("Host: {}\r\n", self.at));
        }
        if let Some(token) = token {
            head.push_str(&format!("Authorization: Bearer {}\r\n", self.tokens[token]));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !headers.iter().any(|(name, _)| *name == "Content-Length") && !body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        let mut stream = TcpStream::connect(&self.at).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time");
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(b"\r\n")).expect("it is sent");
        // Who is refused early may not read it all.
        let _ = stream.write_all(body);
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        let end = all.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8_lossy(&all[..end]).into_owned();
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
        let headers: BTreeMap<String, String> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        assert!(!headers.contains_key("transfer-encoding"), "{head}");
        Answer { status, headers, body: all[end + 4..].to_vec() }
    }

    fn get(&self, path: &str) -> Answer {
        self.call("GET", path, Some(READER), &[], &[])
    }

    fn send(&self, method: &str, path: &str, token: usize, body: &Value) -> Answer {
        let body = body.to_string();
        self.call(method, path, Some(token), &[("Content-Type", "application/json")], body.as_bytes())
    }

    /// Opens a case; gives its number.
    fn open(&self, ticket: &str) -> u64 {
        let opened =
            self.send("POST", "/cases", ENGINEER, &json!({ "about": { "client": "contoso", "ticket": ticket } }));
        assert_eq!(opened.status, 201, "{opened:?}");
        let number = opened.json()["number"].as_u64().expect("a number");
        assert_eq!(opened.headers["location"], format!("/api/v1/cases/{number}"));
        number
    }

    /// A case with the evidence of the demo.
    fn demo(&self, ticket: &str) -> u64 {
        let number = self.open(ticket);
        let added = self.files("POST", &format!("/cases/{number}/evidence"), ENGINEER, &demo());
        assert_eq!(added.status, 200, "{}", String::from_utf8_lossy(&added.body));
        // What it shows is looked at by itself, and kept.
        let until = Instant::now() + Duration::from_secs(60);
        while !self.get(&format!("/cases/{number}/journal")).json().to_string().contains("\"answered\"") {
            assert!(Instant::now() < until, "the evidence is looked at");
            std::thread::sleep(Duration::from_millis(20));
        }
        number
    }

    fn files(&self, method: &str, path: &str, token: usize, files: &[(String, Vec<u8>)]) -> Answer {
        let mut body = Vec::new();
        for (name, bytes) in files {
            let head = format!("--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--cut--\r\n");
        self.call(method, path, Some(token), &[("Content-Type", "multipart/form-data; boundary=cut")], &body)
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project's folder")
}

fn demo() -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(root().join("demo"))
        .expect("the demo")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file())
        .map(|path| {
            (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), fs::read(&path).expect("a file"))
        })
        .collect();
    files.sort();
    files
}

/// The document of the built program.
fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let answer = Server::start().call("GET", "/openapi.json", None, &[], &[]);
        assert_eq!(answer.status, 200);
        answer.json()
    })
}

/// `docs/openapi.json` is the document; rewritten with `THROUGHLINE_BLESS=1`.
#[test]
fn the_document_is_kept() {
    let mut now = serde_json::to_string_pretty(document()).expect("JSON");
    now.push('\n');
    let path = root().join("docs/openapi.json");
    if std::env::var_os("THROUGHLINE_BLESS").is_some() {
        fs::write(&path, &now).expect("docs/ can be written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == now, "docs/openapi.json is stale; run the tests with THROUGHLINE_BLESS=1 and read the diff");
}

/// Every operation with its path and method.
fn operations() -> Vec<(&'static str, &'static str, &'static Value)> {
    let paths = document()["paths"].as_object().expect("paths");
    let each = paths.iter().flat_map(|(path, methods)| {
        methods.as_object().into_iter().flatten().map(move |(method, told)| (path.as_str(), method.as_str(), told))
    });
    each.collect()
}

#[test]
fn the_document_is_whole() {
    let document = document();
    assert!(document["openapi"].as_str().expect("a version").starts_with("3.1."));
    let mut ids = BTreeSet::new();
    for (path, method, told) in operations() {
        let name = format!("{method} {path}");
        for field in ["operationId", "summary", "description"] {
            assert!(told[field].as_str().is_some_and(|text| !text.is_empty()), "{name}: {field}");
        }
        assert!(ids.insert(told["operationId"].as_str()), "{name}: another has that operationId");
        let of_path: BTreeSet<&str> = told["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|one| one["in"] == "path" && one["required"] == true)
            .filter_map(|one| one["name"].as_str())
            .collect();
        let named: BTreeSet<&str> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        assert_eq!(of_path, named, "{name}");
        let is_open = told["security"] == json!([]);
        assert_eq!(is_open, path == "/openapi.json", "{name}: only the document needs no token");
        assert_eq!(told["responses"]["401"].is_null(), is_open, "{name}");
        let is_for_all = is_open || told["x-roles"] == json!(["reader"]);
        assert_eq!(is_for_all, method == "get", "{name}: who only reads changes nothing, and sees all");
        assert_eq!(told["responses"]["403"].is_null(), is_for_all, "{name}");
        let body = &told["requestBody"]["content"]["application/json"];
        if !body.is_null() {
            check(&body["schema"], &body["example"], &name);
        }
    }
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    for name in schemas.keys() {
        assert!(!name.ends_with(|letter: char| letter.is_ascii_digit()), "{name}: two types have this name");
    }
    let mut left = vec![document];
    while let Some(value) = left.pop() {
        if let Some(to) = value.get("$ref").and_then(Value::as_str) {
            assert!(document.pointer(&to[1..]).is_some(), "{to} leads nowhere");
        }
        match value {
            Value::Object(fields) => left.extend(fields.values()),
            Value::Array(values) => left.extend(values),
            _ => {}
        }
    }
}

/// Asks that a value is as a schema of the document says. Knows every word that the document uses, and no other.
fn check(schema: &Value, value: &Value, at: &str) {
    if let Err(wrong) = fits(schema, value, at) {
        panic!("{wrong}");
    }
}

fn fits(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let wrong = |expected: String| Err(format!("{at}: expected {expected}, found {value}"));
    let words = match schema {
        Value::Bool(true) => return Ok(()),
        Value::Object(words) => words,
        other => return wrong(other.to_string()),
    };
    let none = serde_json::Map::new();
    let properties = words.get("properties").and_then(Value::as_object).unwrap_or(&none);
    for (word, asked) in words {
        let list = || asked.as_array().expect("a list");
        match word.as_str() {
            "title" | "description" | "default" | "format" | "contentMediaType" => {}
            "$ref" => {
                let to = document().pointer(&asked.as_str().expect("a place")[1..]).expect("a schema");
                fits(to, value, at)?;
            }
            "type" => {
                let is = |name: &Value| match name.as_str().expect("a type") {
                    "null" => value.is_null(),
                    "boolean" => value.is_boolean(),
                    "string" => value.is_string(),
                    "integer" => value.is_u64() || value.is_i64(),
                    "number" => value.is_number(),
                    "array" => value.is_array(),
                    "object" => value.is_object(),
                    other => panic!("{at}: the type {other}"),
                };
                if !asked.as_array().map_or_else(|| is(asked), |types| types.iter().any(is)) {
                    return wrong(format!("the type {asked}"));
                }
            }
            "const" if asked != value => return wrong(asked.to_string()),
            "enum" if !list().contains(value) => return wrong(asked.to_string()),
            "const" | "enum" => {}
            "anyOf" | "oneOf" => {
                let found: Vec<Result<(), String>> = list().iter().map(|one| fits(one, value, at)).collect();
                let good = found.iter().filter(|one| one.is_ok()).count();
                if good == 0 || (word == "oneOf" && good > 1) {
                    return wrong(format!("one of {} forms, and {good} fit", found.len()));
                }
            }
            "allOf" => list().iter().try_for_each(|one| fits(one, value, at))?,
            "properties" => {
                for (name, schema) in properties {
                    value.get(name).map_or(Ok(()), |value| fits(schema, value, &format!("{at}.{name}")))?;
                }
            }
            "required" => {
                let missing = list().iter().filter_map(Value::as_str).find(|name| value.get(name).is_none());
                if let (Some(name), true) = (missing, value.is_object()) {
                    return wrong(format!("`{name}`"));
                }
            }
            "additionalProperties" => {
                for (name, value) in
                    value.as_object().into_iter().flatten().filter(|(name, _)| !properties.contains_key(*name))
                {
                    match asked {
                        Value::Bool(false) => return wrong(format!("no `{name}`")),
                        schema => fits(schema, value, &format!("{at}.{name}"))?,
                    }
                }
            }
            "items" => {
                let first = words.get("prefixItems").and_then(Value::as_array).map_or(0, Vec::len);
                for (index, value) in value.as_array().into_iter().flatten().enumerate().skip(first) {
                    fits(asked, value, &format!("{at}[{index}]"))?;
                }
            }
            "prefixItems" => {
                for (schema, value) in list().iter().zip(value.as_array().into_iter().flatten()) {
                    fits(schema, value, at)?;
                }
            }
            "minItems" if value.as_array().is_some_and(|all| (all.len() as u64) < asked.as_u64().unwrap_or(0)) => {
                return wrong(format!("{asked} at least"));
            }
            "maxItems" if value.as_array().is_some_and(|all| all.len() as u64 > asked.as_u64().unwrap_or(0)) => {
                return wrong(format!("{asked} at most"));
            }
            "minLength"
                if value.as_str().is_some_and(|text| (text.chars().count() as u64) < asked.as_u64().unwrap_or(0)) =>
            {
                return wrong(format!("{asked} characters at least"));
            }
            "minimum" if value.as_f64() < asked.as_f64() && value.is_number() => {
                return wrong(format!("{asked} at least"));
            }
            "maximum" if value.as_f64() > asked.as_f64() && value.is_number() => {
                return wrong(format!("{asked} at most"));
            }
            "minItems" | "maxItems" | "minLength" | "maxLength" | "minimum" | "maximum" | "pattern" => {}
            other => panic!("{at}: this test does not know `{other}`"),
        }
    }
    Ok(())
}

/// Asks that an answer is one that the document says of its operation.
fn documented(method: &str, path: &str, answer: &Answer) -> &'static str {
    let bare = path.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = bare.split('/').collect();
    let is_it = |of: &str| {
        let of: Vec<&str> = of.split('/').collect();
        of.len() == parts.len() && of.iter().zip(&parts).all(|(one, other)| one == other || one.starts_with('{'))
    };
    let found = operations().into_iter().find(|(of, by, _)| is_it(of) && by.eq_ignore_ascii_case(method));
    let (_, _, told) = found.unwrap_or_else(|| panic!("{method} {path}: not in the document"));
    let at = format!("{method} {path}: {}", answer.status);
    let response = &told["responses"][answer.status.to_string()];
    assert!(!response.is_null(), "{at} is not in the document: {}", String::from_utf8_lossy(&answer.body));
    for (name, _) in response["headers"].as_object().into_iter().flatten().filter(|(name, _)| *name != "Link") {
        assert!(answer.headers.contains_key(&name.to_ascii_lowercase()), "{at}: no header {name}");
    }
    if response["content"].is_null() {
        assert!(answer.body.is_empty(), "{at}");
    } else {
        let content = &response["content"][answer.kind()];
        assert!(!content.is_null(), "{at}: `{}` is not in the document", answer.kind());
        if answer.kind().ends_with("json") {
            check(&content["schema"], &answer.json(), &at);
        }
    }
    told["operationId"].as_str().expect("an operationId")
}

/// The first record that a report cites: its file, the file's fingerprint, and where it stands in it.
fn record(report: &Value) -> (String, String, String) {
    let cite = &report["copies"][0]["timeline"][0]["cites"][0];
    let file = cite["file"].as_str().expect("a file").to_owned();
    use sha2::Digest as _;
    let fingerprint = sha2::Sha256::digest(&file).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    (file, fingerprint, format!("{}-{}", cite["bytes"][0], cite["bytes"][1]))
}

/// An approval of what no sample of the case is.
fn approval() -> String {
    json!({
        "schema": "throughline.approval.v1",
        "who": "sam",
        "role": "head of security operations",
        "when": "2026-11-18T12:00:00Z",
        "scope": ["Set-HostedContentFilterPolicy -Identity Default -AllowedSenders @{Add='orders@supplier.example'}"],
        "ends": "2026-12-01T00:00:00Z",
        "reason": "month-end invoices; the supplier changes its provider until December",
        "sample_sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    })
    .to_string()
}

#[test]
fn each_operation_answers_as_documented() {
    let server = Server::start();
    let number = server.demo("INC-1");
    let report = server.get(&format!("/cases/{number}/report"));
    assert_eq!(report.status, 200, "{report:?}");
    let (file, fingerprint, range) = record(&report.json());
    let record = format!("/records/{fingerprint}/{range}?mark={range}");
    let allow = "New-TenantAllowBlockListItems -ListType Sender -Entries orders@supplier.example -Allow -ExpirationDate 2026-12-01";

    let mut called = BTreeSet::new();
    let of_case = |part: &str| format!("/cases/{number}{part}");
    for (path, status, says) in [
        ("/cases".to_owned(), 200, "throughline.cases.v1"),
        ("/cases?address=@supplier.example&status=open&status=waiting&limit=200".to_owned(), 200, "INC-1"),
        (of_case(""), 200, "release-handoff"),
        (of_case("/journal"), 200, "evidence_added"),
        (of_case("/report"), 200, "throughline.report.v1"),
        (of_case("/comparison"), 200, "throughline.compare"),
        (of_case("/exception"), 200, "throughline."),
        (of_case("/verification"), 200, "cannot_tell"),
        (of_case("/notes"), 200, "throughline.notes.v1"),
        (of_case("/notes?text=facts&redact=true&as=markdown"), 200, "#"),
        (of_case("/notes?text=customer&as=text"), 200, ""),
        (of_case("/escalation?to=vendor&reason=blocked+since+Monday"), 200, "vendor"),
        (of_case(&record), 200, &file),
        ("/symptoms?words=loops+after+login".to_owned(), 200, "login-challenge-loop"),
        ("/runbooks".to_owned(), 200, ""),
        ("/watch".to_owned(), 200, ""),
        ("/openapi.json".to_owned(), 200, "3.1.0"),
    ] {
        let answer = server.get(&path);
        called.insert(documented("GET", &path, &answer));
        assert_eq!(answer.status, status, "{path}: {}", String::from_utf8_lossy(&answer.body));
        assert!(
            String::from_utf8_lossy(&answer.body).contains(says),
            "{path}: {}",
            String::from_utf8_lossy(&answer.body)
        );
    }

    for (method, path, token, body, says) in [
        ("POST", "/cases".to_owned(), ENGINEER, json!({ "about": { "ticket": "INC-2" } }), "INC-2"),
        ("PUT", of_case("/asked"), ENGINEER, json!({ "recipient": ["ana.duarte@client.example"] }), "anew"),
        ("PUT", of_case("/asked"), ENGINEER, json!({}), "anew"),
        ("POST", of_case("/note"), SECURITY, json!({ "text": "Called the user" }), "Noted"),
        ("POST", of_case("/status"), ENGINEER, json!({ "status": "waiting", "why": "for the sender" }), "waiting"),
        ("POST", of_case("/exception/check"), SECURITY, json!({ "candidate": allow }), "answer"),
        ("POST", of_case("/approvals"), SECURITY, json!({ "document": approval() }), "sam"),
        (
            "POST",
            of_case("/changes"),
            ENGINEER,
            json!({ "candidate": allow, "made_at": "2026-11-19T08:00:00Z" }),
            "Guard",
        ),
        ("POST", of_case("/verification"), ENGINEER, Value::Null, "Verified"),
        ("POST", of_case("/escalation"), ENGINEER, json!({ "to": "vendor", "reason": "blocked since Monday" }), "PK"),
    ] {
        let answer = match &body {
            Value::Null => server.call(method, &path, Some(token), &[], &[]),
            body => server.send(method, &path, token, body),
        };
        called.insert(documented(method, &path, &answer));
        assert!(matches!(answer.status, 200 | 201), "{path}: {}", String::from_utf8_lossy(&answer.body));
        assert!(
            String::from_utf8_lossy(&answer.body).contains(says),
            "{path}: {}",
            String::from_utf8_lossy(&answer.body)
        );
    }

    let files = demo();
    let (name, sample) = files.iter().find(|(name, _)| name.ends_with(".eml")).expect("a sample");
    for (path, kind) in [
        (of_case("/evidence?purpose=verification&name=after.eml"), "message/rfc822"),
        (format!("/follow?name={name}"), "application/octet-stream"),
    ] {
        let answer = server.call("POST", &path, Some(ENGINEER), &[("Content-Type", kind)], sample);
        called.insert(documented("POST", &path, &answer));
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
    }
    let followed = server.files("POST", "/follow", ENGINEER, &files);
    documented("POST", "/follow", &followed);
    assert_eq!(followed.json()["findings"][0]["id"], report.json()["findings"][0]["id"], "as with a case");
    let all: BTreeSet<&str> =
        operations().into_iter().filter_map(|(_, _, told)| told["operationId"].as_str()).collect();
    assert_eq!(called, all, "every operation is called");
}

/// Who may call what is said in one place, and kept.
#[test]
fn roles() {
    let server = Server::start();
    let roles: [&[&str]; 4] =
        [&["reader"], &["reader", "engineer"], &["reader", "security"], &["reader", "engineer", "security"]];
    for (path, method, told) in operations() {
        let path = path
            .replace("{number}", "18446744073709551615")
            .replace("{file}", "0000000000000000")
            .replace("{range}", "0-1");
        let method = method.to_ascii_uppercase();
        let allowed: Vec<&str> = told["x-roles"].as_array().expect("roles").iter().filter_map(Value::as_str).collect();
        let nobody = server.call(&method, &path, None, &[], &[]);
        documented(&method, &path, &nobody);
        if allowed.is_empty() {
            assert_eq!(nobody.status, 200, "{path}");
            continue;
        }
        assert_eq!((nobody.status, nobody.headers["www-authenticate"].as_str()), (401, "Bearer"), "{method} {path}");
        for (token, has) in roles.iter().enumerate() {
            let answer = server.call(&method, &path, Some(token), &[], &[]);
            documented(&method, &path, &answer);
            let may = has.iter().any(|role| allowed.contains(role));
            assert_eq!(answer.status != 403, may, "{method} {path} by {:?}: {answer:?}", USERS[token]);
        }
    }
    let forged = server.call("GET", "/cases", None, &[("Authorization", "Bearer throughline_")], &[]);
    assert_eq!(forged.status, 401);
    let foreign = server.call("GET", "/cases", Some(READER), &[("Host", "attacker.example")], &[]);
    assert_eq!(foreign.status, 421);
    let lower = format!("bearer {}", server.tokens[READER]);
    assert_eq!(server.call("GET", "/cases", None, &[("Authorization", &lower)], &[]).status, 200);
}

#[test]
fn pages_stay_right_while_cases_are_added() {
    let server = Server::start();
    let mut opened: Vec<u64> = (0..7).map(|index| server.open(&format!("INC-{index}"))).collect();
    opened.reverse();
    let mut seen = Vec::new();
    let mut next = Some("/cases?limit=3&client=contoso".to_owned());
    while let Some(path) = next {
        let page = server.get(&path);
        documented("GET", &path, &page);
        let told = page.json();
        seen.extend(told["cases"].as_array().expect("cases").iter().filter_map(|case| case["number"].as_u64()));
        assert_eq!(told["next"].is_null(), !told["more"].as_bool().expect("more"));
        assert_eq!(told["next"].is_null(), !page.headers.contains_key("link"));
        next = page.headers.get("link").map(|link| {
            let path = link.strip_prefix("</api/v1").and_then(|link| link.strip_suffix(">; rel=\"next\""));
            path.unwrap_or_else(|| panic!("{link}")).to_owned()
        });
        assert!(next.as_ref().is_none_or(|next| next.contains("client=contoso")), "{next:?}");
        server.open(&format!("meanwhile-{}", seen.len()));
    }
    assert_eq!(seen, opened, "each once, and none that was opened meanwhile");

    let number = opened[0];
    for text in ["one", "two", "three"] {
        server.send("POST", &format!("/cases/{number}/note"), ENGINEER, &json!({ "text": text }));
    }
    let first = server.get(&format!("/cases/{number}/journal?limit=3")).json();
    let cursor = first["next"].as_str().expect("another page");
    let rest = server.get(&format!("/cases/{number}/journal?limit=3&cursor={cursor}")).json();
    let seqs = |page: &Value| -> Vec<u64> {
        page["entries"].as_array().expect("entries").iter().filter_map(|entry| entry["seq"].as_u64()).collect()
    };
    assert_eq!((seqs(&first), seqs(&rest)), (vec![1, 2, 3], vec![4]));
    assert_eq!((&rest["next"], &rest["head"]), (&Value::Null, &first["head"]));
}

#[test]
fn a_call_can_be_repeated() {
    let server = Server::start();
    let open = |key: &str, ticket: &str| {
        let body = json!({ "about": { "client": "contoso", "ticket": ticket } }).to_string();
        let headers = [("Content-Type", "application/json"), ("Idempotency-Key", key)];
        let answer = server.call("POST", "/cases", Some(ENGINEER), &headers, body.as_bytes());
        documented("POST", "/cases", &answer);
        answer
    };
    let first = open("night-1", "INC-1");
    assert_eq!(first.status, 201);
    server.send("POST", "/cases/1/note", ENGINEER, &json!({ "text": "in between" }));
    let again = open("night-1", "INC-1");
    assert_eq!((again.status, &again.json()["number"]), (201, &first.json()["number"]), "the same case");
    for (key, ticket, status) in [
        ("night-1", "INC-2", 409),
        ("night-2", "INC-1", 409),
        ("night-2", "INC-2", 201),
        ("with space", "INC-3", 422),
        ("", "INC-3", 422),
    ] {
        assert_eq!(open(key, ticket).status, status, "{key} {ticket}");
    }
    assert_eq!(server.get("/cases").json()["cases"].as_array().map(Vec::len), Some(2));
}

/// A change at the least instant that there is: no sum with it may overflow.
const EARLIEST: &[u8] = b"{\"candidate\": \"x\", \"made_at\": \"-009999-01-02T01:59:59Z\"}";

#[test]
fn problems() {
    let other = json!({ "document": approval().replace("sam", "Noor Haddad") }).to_string();
    let long = json!({ "about": { "client": "c".repeat(1 << 20) } }).to_string();
    let server = Server::start();
    let number = server.open("INC-1");
    let note = format!("/cases/{number}/note");
    let evidence = format!("/cases/{number}/evidence");
    let json = ("Content-Type", "application/json");
    let large = vec![b' '; 9 << 20];
    for (name, method, path, headers, body, status, sort) in [
        ("no such path", "GET", "/nowhere", vec![], &b""[..], 404, "not-found"),
        ("no such path below a case", "GET", "/cases/1/nowhere", vec![], b"", 404, "not-found"),
        ("no such case", "GET", "/cases/99", vec![], b"", 404, "not-found"),
        ("the largest number", "GET", "/cases/18446744073709551615", vec![], b"", 404, "not-found"),
        ("a larger one", "GET", "/cases/18446744073709551616/report", vec![], b"", 404, "not-found"),
        ("no number", "GET", "/cases/INC-1", vec![], b"", 404, "not-found"),
        ("no UTF-8 in the path", "GET", "/cases/%ff", vec![], b"", 404, "not-found"),
        ("no record", "GET", "/cases/1/records/0000000000000000/0-10", vec![], b"", 404, "not-found"),
        ("a file by its name", "GET", "/cases/1/records/..%2f..%2fetc%2fpasswd/0-10", vec![], b"", 404, "not-found"),
        ("another method", "DELETE", "/cases/1", vec![], b"", 405, "method"),
        ("another method where there are two", "PATCH", "/cases", vec![], b"", 405, "method"),
        ("an unknown parameter", "GET", "/cases?clinet=x", vec![], b"", 422, "form"),
        ("a parameter twice", "GET", "/cases?client=x&client=y", vec![], b"", 422, "form"),
        ("too small a page", "GET", "/cases?limit=0", vec![], b"", 422, "form"),
        ("too large a page", "GET", "/cases?limit=201", vec![], b"", 422, "form"),
        ("a number that is none", "GET", "/cases?limit=-1", vec![], b"", 422, "form"),
        ("an instant that is none", "GET", "/cases?due=tomorrow", vec![], b"", 422, "form"),
        ("a status that is none", "GET", "/cases?status=done", vec![], b"", 422, "form"),
        ("a cursor that is none", "GET", "/cases?cursor=1", vec![], b"", 422, "form"),
        ("no JSON", "POST", &note, vec![json], b"{", 422, "form"),
        ("nothing", "POST", &note, vec![json], b"", 422, "form"),
        ("a missing field", "POST", &note, vec![json], b"{}", 422, "form"),
        ("an unknown field", "POST", &note, vec![json], b"{\"text\": \"x\", \"txet\": 1}", 422, "form"),
        ("a field of another type", "POST", &note, vec![json], b"{\"text\": 1}", 422, "form"),
        (
            "an unknown field within",
            "POST",
            "/cases",
            vec![json],
            b"{\"asked\": {\"sernder\": \"a@example.com\"}}",
            422,
            "form",
        ),
        ("a list for an object", "POST", "/cases", vec![json], b"[]", 422, "form"),
        ("nothing to say", "POST", &note, vec![json], b"{\"text\": \" \"}", 422, "form"),
        ("no UTF-8", "POST", &note, vec![json], b"{\"text\": \"\xff\"}", 422, "form"),
        (
            "JSON as a form",
            "POST",
            &note,
            vec![("Content-Type", "text/plain")],
            b"{\"text\": \"x\"}",
            415,
            "media-type",
        ),
        ("a body without a kind", "POST", &note, vec![], b"{\"text\": \"x\"}", 415, "media-type"),
        ("a file as JSON", "POST", &evidence, vec![json], b"{}", 415, "media-type"),
        (
            "a form without a boundary",
            "POST",
            &evidence,
            vec![("Content-Type", "multipart/form-data")],
            b"x",
            422,
            "form",
        ),
        (
            "a form without files",
            "POST",
            &evidence,
            vec![("Content-Type", "multipart/form-data; boundary=cut")],
            b"--cut\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--cut--\r\n",
            422,
            "form",
        ),
        (
            "a form that breaks off",
            "POST",
            &evidence,
            vec![("Content-Type", "multipart/form-data; boundary=cut")],
            b"--cut\r\nContent-Disposition: form-data; name=\"a\"; filename=\"b\"\r\n\r\nc",
            422,
            "form",
        ),
        ("too large a document", "POST", &note, vec![json], &large, 413, "too-large"),
        (
            "too large a file",
            "POST",
            &evidence,
            vec![("Content-Type", "application/octet-stream")],
            &large,
            413,
            "too-large",
        ),
        (
            "an instant that cannot be read",
            "PUT",
            "/cases/1/asked",
            vec![json],
            b"{\"at\": \"tomorrow\"}",
            400,
            "unfit",
        ),
        ("no Message-ID", "POST", "/cases", vec![json], b"{\"asked\": {\"message_id\": [\"\"]}}", 400, "unfit"),
        ("no approval", "POST", "/cases/1/approvals", vec![json], b"{\"document\": \"yes\"}", 400, "unfit"),
        ("an approval in another's name", "POST", "/cases/1/approvals", vec![json], other.as_bytes(), 400, "unfit"),
        ("an instant before all", "POST", "/cases/1/changes", vec![json], EARLIEST, 400, "unfit"),
        ("a client of a megabyte", "POST", "/cases", vec![json], long.as_bytes(), 413, "too-large"),
        ("no evidence", "GET", "/cases/1/report", vec![], b"", 422, "nothing-readable"),
        (
            "nothing that is read",
            "POST",
            "/follow",
            vec![("Content-Type", "application/octet-stream")],
            b"\x89PNG\r\n\x1a\n\0",
            422,
            "nothing-readable",
        ),
        ("not given away", "POST", "/cases/1/escalation", vec![json], b"{}", 409, "conflict"),
    ] {
        let answer = server.call(method, path, Some(BOTH), &headers, body);
        let told = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, status, "{name}: {told}");
        assert_eq!(answer.kind(), "application/problem+json", "{name}: {told}");
        let problem = answer.json();
        check(&json!({ "$ref": "#/components/schemas/Problem" }), &problem, name);
        assert_eq!(problem["type"], format!("urn:throughline:{sort}"), "{name}: {told}");
        assert_eq!(problem["status"], status, "{name}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{name}: {told}");
        if status == 405 {
            assert!(answer.headers["allow"].contains("GET"), "{name}: {answer:?}");
        } else if !path.contains("nowhere") {
            documented(method, path, &answer);
        }
    }
    let docs = fs::read_to_string(root().join("docs/api.md")).expect("docs/api.md");
    let said: BTreeSet<&str> =
        docs.split("urn:throughline:").skip(1).filter_map(|rest| rest.split(['`', '"']).next()).collect();
    let told = document().to_string();
    let known: BTreeSet<&str> =
        told.split("urn:throughline:").skip(1).filter_map(|rest| rest.split('`').next()).collect();
    assert!(known.is_subset(&said), "docs/api.md does not tell {:?}", known.difference(&said));
    assert!(
        server.get("/cases/1/journal").json()["entries"].as_array().is_some_and(|all| all.len() == 1),
        "nothing was done"
    );
}

#[test]
fn long_work_and_what_the_client_has() {
    let server = Server::start();
    let number = server.demo("INC-1");
    let path = format!("/cases/{number}/exception");
    // It is a question of its own, that nobody asked before.
    let first = server.get(&format!("{path}?wait=0"));
    documented("GET", &path, &first);
    assert_eq!((first.status, first.headers["retry-after"].as_str()), (202, "1"), "{first:?}");
    let until = Instant::now() + Duration::from_secs(60);
    let found = loop {
        let answer = server.get(&format!("{path}?wait=0"));
        if answer.status == 200 || Instant::now() > until {
            break answer;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(found.status, 200, "{found:?}");
    let tag = found.headers["etag"].as_str();
    let again = server.call("GET", &path, Some(READER), &[("If-None-Match", tag)], &[]);
    documented("GET", &path, &again);
    assert_eq!((again.status, again.headers["etag"].as_str()), (304, tag));
    let more = [("more.txt".to_owned(), b"Nov 17 08:02:11 mx1 postfix/qmgr[1]: 4ABC: removed\n".to_vec())];
    server.files("POST", &format!("/cases/{number}/evidence"), ENGINEER, &more);
    let other = server.call("GET", &path, Some(READER), &[("If-None-Match", tag)], &[]);
    assert_eq!(other.status, 200, "the evidence is another");
}

/// The examples of `docs/api.md`, run one after the other.
#[test]
fn the_examples_of_the_docs_run() {
    let has = |program: &str| Command::new(program).arg("--version").output().is_ok_and(|done| done.status.success());
    if !has("curl") || !has("bash") {
        eprintln!("skipped: curl or bash is not here");
        return;
    }
    let docs = fs::read_to_string(root().join("docs/api.md")).expect("docs/api.md");
    let blocks = docs.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let script: Vec<&str> = blocks.filter(|block| block.contains("curl")).collect();
    assert!(script.len() >= 5, "docs/api.md has examples");
    let server = Server::start();
    let work = tempfile::tempdir().expect("a folder");
    for (name, bytes) in demo() {
        fs::write(work.path().join(name), bytes).expect("a file");
    }
    let done = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script.join("\n")])
        .current_dir(work.path())
        .env("API", format!("http://{}/api/v1", server.at))
        .env("TOKEN", &server.tokens[BOTH])
        .output()
        .expect("bash runs");
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{}\n{out}\n{err}", done.status);
    assert!(out.contains("release-handoff"), "{out}");
}

/// Calls of every operation that schemathesis makes of the document: right ones, wrong ones, one after the other.
#[test]
fn what_schemathesis_makes_up() {
    let program: PathBuf = root().join("target/schemathesis/bin/st");
    if !program.is_file() {
        eprintln!("skipped: schemathesis is not in target/schemathesis; .ci/setup puts it there");
        return;
    }
    let server = Server::start();
    let number = server.demo("INC-1");
    let (_, file, range) = record(&server.get(&format!("/cases/{number}/report")).json());
    let folder = tempfile::tempdir().expect("a folder");
    // Nobody makes up a record: where one is, is said.
    let config = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemathesis.toml")).expect("it");
    let known = format!(
        "\n[[operations]]\ninclude-operation-id = \"show_record\"\n\
        parameters = {{ \"path.number\" = {number}, \"path.file\" = \"{file}\", \"path.range\" = \"{range}\" }}\n"
    );
    fs::write(folder.path().join("schemathesis.toml"), config + &known).expect("it is written");
    let examples = std::env::var("SCHEMATHESIS_EXAMPLES").unwrap_or_else(|_| "3".to_owned());
    let done = Command::new(program)
        .current_dir(folder.path())
        .args(["--no-color", "--config-file", "schemathesis.toml"])
        .args(["run", &format!("http://{}/api/v1/openapi.json", server.at)])
        .args(["-H", &format!("Authorization: Bearer {}", server.tokens[BOTH])])
        .args(["--max-examples", &examples, "--seed", "1", "--generation-deterministic"])
        .output()
        .expect("schemathesis runs");
    let out = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{out}\n{}", String::from_utf8_lossy(&done.stderr));
    assert!(out.contains("Tested: 24"), "{out}");
}

//! The workbench, started as a program of its own, and a browser that does no more than a test says.

#![allow(dead_code)] // Each test binary uses its own part.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A workbench over a store of its own.
pub struct Served {
    pub at: SocketAddr,
    pub store: PathBuf,
    /// The token of each user's login link, by name.
    links: Vec<(String, String)>,
    child: Child,
    _out: BufReader<ChildStdout>,
    _folder: Option<TempDir>,
}

impl Served {
    /// Starts one for some users, such as `kim=engineer`.
    pub fn start(users: &[&str]) -> Served {
        let folder = tempfile::tempdir().expect("a folder");
        let store = folder.path().join("store");
        let mut served = Served::over(&store, users, &[]);
        served._folder = Some(folder);
        served
    }

    /// The same with more options, over a store.
    pub fn over(store: &Path, users: &[&str], more: &[&str]) -> Served {
        let mut command = program();
        command.args(["serve", "--listen", "127.0.0.1:0", "--store"]).arg(store).args(more);
        command.args(users.iter().flat_map(|user| ["--user", user]));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the program");
        let mut out = BufReader::new(child.stdout.take().expect("its output"));
        let mut links = Vec::new();
        let mut line = String::new();
        while links.len() < users.len() {
            line.clear();
            assert!(out.read_line(&mut line).expect("a line") > 0, "it ended before it told all links");
            // `  kim (engineer): http://127.0.0.1:40123/login/TOKEN`
            let Some((name, link)) =
                line.trim().split_once(" (").and_then(|(name, rest)| Some((name, rest.split_once("): ")?.1)))
            else {
                continue;
            };
            links.push((name.to_owned(), link.to_owned()));
        }
        let link = &links[0].1;
        let host = link.split("://").nth(1).and_then(|rest| rest.split('/').next()).expect("a host");
        // It may be reached by a name; it listens on this machine.
        let port = host.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        let at = SocketAddr::from(([127, 0, 0, 1], port));
        let links =
            links.into_iter().map(|(name, link)| (name, link.rsplit('/').next().unwrap_or_default().to_owned()));
        Served { at, store: store.to_owned(), links: links.collect(), child, _out: out, _folder: None }
    }

    /// The login link of a user.
    pub fn link(&self, name: &str) -> String {
        self.links.iter().find(|(known, _)| known == name).expect("a user").1.clone()
    }

    /// A browser in which a user has signed in.
    pub fn browser(&self, name: &str) -> Browser {
        let mut browser = self.stranger();
        let reply = browser.send("POST", "/login", &[FORM], format!("link={}", self.link(name)).as_bytes());
        assert_eq!(reply.status, 303, "{}", reply.body);
        let cookie = reply.header("set-cookie").expect("a cookie").split(';').next().unwrap_or_default().to_owned();
        browser.cookie = Some(cookie);
        let page = browser.get("/account");
        browser.csrf = between(&page.body, "<meta name=\"csrf\" content=\"", "\"").expect("a token").to_owned();
        browser
    }

    /// A browser in which nobody has.
    pub fn stranger(&self) -> Browser {
        Browser { at: self.at, cookie: None, csrf: String::new() }
    }

    /// A line of what the system tells of its process, in kB.
    pub fn memory_kb(&self, line: &str) -> u64 {
        let told = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a process");
        let value = told.lines().find_map(|one| one.strip_prefix(line)?.strip_prefix(':')).expect("a line");
        value.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Files below the folder of uploads.
    pub fn uploads(&self) -> Vec<PathBuf> {
        files(&self.store.join("uploads"))
            .into_iter()
            .filter(|path| path.extension().is_none_or(|end| end != "lock"))
            .collect()
    }

    /// Files of the evidence of all cases, below each case's own folder.
    pub fn evidence(&self) -> Vec<String> {
        let below = self.store.join("cases");
        let shown = |path: PathBuf| path.strip_prefix(&below).ok().map(|path| path.to_string_lossy().into_owned());
        let all = files(&below).into_iter().filter_map(shown);
        all.filter_map(|path| Some(path.split_once("/evidence/")?.1.to_owned())).collect()
    }

    /// Ends it as Ctrl-C does, and waits.
    pub fn interrupt(mut self) {
        let done = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(done.is_ok_and(|status| status.success()));
        assert!(until(Duration::from_secs(20), || self.child.try_wait().ok().flatten().is_some()), "it goes on");
    }

    /// Ends it in the middle of what it does.
    pub fn kill(mut self) {
        self.child.kill().expect("to be killed");
        self.child.wait().expect("to end");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program, with no settings of whoever runs the tests.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
    command.env_remove("THROUGHLINE_STORE").env_remove("THROUGHLINE_USER");
    command
}

/// Whether something comes true in time.
pub fn until(within: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + within;
    while Instant::now() < end {
        if is_so() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    is_so()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The content type of a form.
pub const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
/// What stands between the parts of a form with files.
const BOUNDARY: &str = "----a-boundary-of-a-test";

/// What asks.
#[derive(Clone)]
pub struct Browser {
    pub at: SocketAddr,
    pub cookie: Option<String>,
    pub csrf: String,
}

impl Browser {
    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }

    /// Gets a page as soon as it is not one that waits for an answer.
    pub fn get_ready(&self, path: &str) -> Reply {
        let mut reply = self.get(path);
        let is_ready = |reply: &Reply| !reply.body.contains("data-working");
        let waited = until(Duration::from_secs(60), || {
            reply = self.get(path);
            is_ready(&reply)
        });
        assert!(waited, "{path}: no answer in time");
        reply
    }

    /// Sends a form of a page.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let mut body = format!("csrf={}", self.csrf);
        fields.iter().for_each(|(name, text)| body.push_str(&format!("&{name}={}", encoded(text))));
        self.send("POST", path, &[FORM], body.as_bytes())
    }

    /// Sends a form with files: a part with a file's name is a file.
    pub fn post_files(&self, path: &str, parts: &[Part<'_>]) -> Reply {
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        self.send("POST", &format!("{path}?csrf={}", self.csrf), &[("content-type", &kind)], &multipart(parts))
    }

    /// Sends what the page's script sends.
    pub fn script(&self, path: &str, body: &[u8]) -> Reply {
        self.send("POST", path, &[("x-csrf-token", &self.csrf), ("content-type", "application/octet-stream")], body)
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str(&format!("host: {}\r\n", self.at));
        }
        if let Some(cookie) = &self.cookie {
            head.push_str(&format!("cookie: {cookie}\r\n"));
        }
        headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        if !body.is_empty() || method == "POST" {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body);
        raw(self.at, &bytes)
    }
}

/// A part of a form with files: its field, the file's name, and what is in it.
pub type Part<'a> = (&'a str, Option<&'a str>, &'a [u8]);

fn multipart(parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (field, file, bytes) in parts {
        let file = file.map(|file| format!("; filename=\"{}\"", file.replace('"', "%22"))).unwrap_or_default();
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"{file}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

/// Sends bytes as they are, and reads what comes back until the connection ends.
pub fn raw(at: SocketAddr, bytes: &[u8]) -> Reply {
    raw_within(at, bytes, Duration::from_secs(60))
}

/// The same for bytes behind which a server may wait for more: what came until then is the answer.
pub fn raw_within(at: SocketAddr, bytes: &[u8], within: Duration) -> Reply {
    let mut stream = TcpStream::connect(at).expect("a connection");
    stream.set_read_timeout(Some(within)).expect("a timeout");
    // The server may answer and end before it has read all: what it said is read all the same.
    let _ = stream.write_all(bytes);
    read(&mut stream)
}

/// Reads an answer until the connection ends.
pub fn read(stream: &mut impl Read) -> Reply {
    let mut all = Vec::new();
    let mut buffer = [0; 65536];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        all.extend_from_slice(&buffer[..read]);
    }
    let end = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(all.len());
    let head = String::from_utf8_lossy(&all[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
    let body = String::from_utf8_lossy(all.get(end + 4..).unwrap_or_default()).into_owned();
    Reply { status, headers: headers.collect(), body }
}

/// What came back; status 0 if nothing did.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The address that it leads to.
    pub fn location(&self) -> &str {
        self.header("location").unwrap_or_else(|| panic!("{} leads nowhere: {}", self.status, self.body))
    }

    /// Its text without markup, with one space between words.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut is_markup = false;
        for letter in self.body.chars() {
            match letter {
                '<' => is_markup = true,
                '>' => {
                    is_markup = false;
                    text.push(' ');
                }
                _ if !is_markup => text.push(letter),
                _ => {}
            }
        }
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// What stands between two texts.
pub fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let start = text.find(before)? + before.len();
    let end = text[start..].find(after)?;
    Some(&text[start..start + end])
}

/// A text as it stands in a form.
pub fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

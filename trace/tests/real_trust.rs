//! Real samples: what counts is what the receiving system wrote, read here by other means.

use std::path::{Path, PathBuf};

use evidence::{Fact, Observation};
use jiff::tz::TimeZone;
use sources::{Clock, Input, NoProgress, Query, Wanted};
use trace::Trust;

fn messages(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            messages(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "eml") {
            found.push(path);
        }
    }
}

/// What the message's topmost field of results says, by looking at nothing but `method=word` at the starts of its parts.
fn topmost(bytes: &[u8]) -> Option<(Option<String>, Vec<String>)> {
    let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    let header = text.replace("\r\n", "\n");
    let header = header.split("\n\n").next()?.replace("\n ", " ").replace("\n\t", " ");
    let field = header.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("authentication-results").then(|| value.trim().to_owned())
    })?;
    let mut parts = field.split(';').map(str::trim).peekable();
    let id = parts.next_if(|part| !part.contains('=')).map(str::to_owned);
    let word = |part: &str| {
        let (method, rest) = part.split_once('=')?;
        let known = ["spf", "dkim", "dmarc", "compauth"].contains(&method);
        let result: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
        known.then(|| format!("{method}={}", result.to_ascii_lowercase()))
    };
    Some((id, parts.filter_map(word).collect()))
}

fn counted(bytes: &[u8], name: &str) -> Option<Vec<String>> {
    let reference = "2026-06-01T00:00:00Z".parse().expect("an instant");
    let clock = Clock { zone: TimeZone::UTC, zone_label: "UTC".to_owned(), reference };
    let input = Input { name: name.into(), bytes };
    let query = Query { wanted: &Wanted::Everything, clock: &clock, progress: &NoProgress };
    let source = sources::recognise(bytes, name).ok().filter(|source| source.id() == "message/eml")?;
    let reading = source.read(&input, &query).ok()?;
    let sample: Vec<&Observation> = reading.observations.iter().collect();
    let hops = trace::hops(&sample, &[]);
    assert_eq!(hops.legs.windows(2).filter(|pair| pair[0].hop.index >= pair[1].hop.index).count(), 0, "{name}");
    let judged = trace::judge(&sample, &hops, &[]);
    let ours = judged.iter().filter(|judged| matches!(judged.trust, Trust::Ours(_)));
    let words = ours.filter_map(|judged| {
        let Fact::Authentication(result) = &judged.observation.fact else { return None };
        let field = judged.observation.cite.said.to_ascii_lowercase();
        field.starts_with("authentication-results").then(|| format!("{}={}", result.method.id(), result.result.word()))
    });
    Some(words.collect())
}

#[test]
fn what_counts_is_what_the_receiving_system_wrote() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/samples");
    let mut paths = Vec::new();
    messages(&root, &mut paths);
    if paths.is_empty() {
        println!("skipped: no samples at {}", root.display());
        return;
    }
    let (mut compared, mut read) = (0, 0);
    for path in &paths {
        let bytes = std::fs::read(path).expect("it is read");
        let Some(counted) = counted(&bytes, &path.to_string_lossy()) else { continue };
        read += 1;
        // These were received by one service, which names no authserv-id and puts its field on top.
        if !path.starts_with(root.join("phishing_pot")) {
            continue;
        }
        match topmost(&bytes) {
            Some((None, expected)) => {
                assert_eq!(counted, expected, "{}", path.display());
                compared += 1;
            }
            // A few come from a service that names itself; saved from its pages, its fields stand below those of the sender,
            // where nobody can tell them from forged ones.
            Some((Some(id), expected)) => {
                let is_right = counted.is_empty() || expected.iter().all(|word| counted.contains(word));
                assert!(is_right, "{} ({id}): {counted:?}", path.display());
            }
            None => assert!(counted.is_empty(), "{}: {counted:?}", path.display()),
        }
    }
    println!("{read} messages read, {compared} compared");
    assert!(read > 500 && compared > 250, "{read} read, {compared} compared");
}

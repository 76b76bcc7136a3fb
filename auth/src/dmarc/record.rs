//! The text of a DMARC policy record (RFC 9989, 4.7, 4.8).

use super::DmarcNote;

/// What the owner of a domain asks for when a message fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Policy {
    /// Nothing.
    None,
    /// Treat it as suspicious.
    Quarantine,
    /// Refuse it.
    Reject,
}

impl Policy {
    /// The word of the record.
    pub fn id(self) -> &'static str {
        match self {
            Policy::None => "none",
            Policy::Quarantine => "quarantine",
            Policy::Reject => "reject",
        }
    }

    /// One level below, as `t=y` asks for (RFC 9989, 4.7).
    pub fn lowered(self) -> Policy {
        match self {
            Policy::Reject => Policy::Quarantine,
            Policy::Quarantine | Policy::None => Policy::None,
        }
    }

    fn of(value: &str) -> Option<Policy> {
        let all = [Policy::None, Policy::Quarantine, Policy::Reject];
        all.into_iter().find(|policy| policy.id().eq_ignore_ascii_case(value))
    }
}

/// How close an identifier must be to the author's domain (RFC 9989, 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AlignmentMode {
    /// Of the same organizational domain.
    Relaxed,
    /// The very same domain.
    Strict,
}

/// What a record says of the place of its domain (RFC 9989, 4.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Psd {
    /// `psd=y`: names below belong to others.
    PublicSuffix,
    /// `psd=n`: the organizational domain of itself and all below.
    Organizational,
    /// `psd=u`, or nothing said: the tree walk tells.
    Unsaid,
}

/// Whether the owner only tries the policy out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Testing {
    /// `t=y`: apply one level less.
    On,
    /// `t=n`, or nothing said.
    Off,
}

/// A policy record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DmarcRecord {
    /// `p`: for the domain itself, and for names below it unless said otherwise.
    pub policy: Policy,
    /// `sp`: for names below that exist.
    pub subdomain_policy: Option<Policy>,
    /// `np`: for names below that do not exist.
    pub nonexistent_policy: Option<Policy>,
    /// `adkim`.
    pub dkim_alignment: AlignmentMode,
    /// `aspf`.
    pub spf_alignment: AlignmentMode,
    /// `psd`.
    pub psd: Psd,
    /// `t`.
    pub testing: Testing,
    /// `rua`: where aggregate reports go.
    pub aggregate_reports: Vec<String>,
    /// `ruf`: where failure reports go.
    pub failure_reports: Vec<String>,
    /// `fo`, as written: which failure reports are asked for.
    pub failure_options: Option<String>,
}

/// What was read of a record.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub record: DmarcRecord,
    /// Whether the record asks for DMARC processing at all.
    pub usable: Usable,
    pub notes: Vec<DmarcNote>,
}

/// Whether a record can be applied (RFC 9989, 4.10.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Usable {
    Yes,
    /// A policy that cannot be read, and nobody to report to.
    No,
}

/// The tags that RFC 9989 knows, and those of RFC 7489 that it gave up.
const OBSOLETE: [&str; 3] = ["pct", "rf", "ri"];

/// Whether a text is meant to be a policy record, though it is none.
pub(super) fn looks_like_one(text: &str) -> bool {
    let start: String = text.chars().filter(|letter| !letter.is_whitespace()).take(7).collect();
    start.eq_ignore_ascii_case("v=dmarc")
}

/// Reads a policy record; `None` if the text is none: `v=DMARC1` must come first, in this case (RFC 9989, 4.7).
pub(super) fn read(text: &str) -> Option<Reading> {
    let mut parts = text.split(';');
    let (name, version) = parts.next()?.split_once('=')?;
    // Space may stand around the equals sign and before a semicolon, not in front (RFC 9989, 4.8).
    if !name.trim_end_matches(is_space).eq_ignore_ascii_case("v") || version.trim_matches(is_space) != "DMARC1" {
        return None;
    }
    let mut tags = Tags::default();
    for part in parts.map(|part| part.trim_matches(is_space)).filter(|part| !part.is_empty()) {
        tags.add(part);
    }
    Some(tags.reading())
}

fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t')
}

/// The tags of a record as they are read.
#[derive(Default)]
struct Tags<'a> {
    seen: Vec<(&'a str, &'a str)>,
    notes: Vec<DmarcNote>,
}

impl<'a> Tags<'a> {
    fn add(&mut self, part: &'a str) {
        // A record has a dozen tags; what a hostile one has beyond is not worth looking at.
        const MAX_TAGS: usize = 64;
        if self.seen.len() + self.notes.len() >= MAX_TAGS {
            return;
        }
        let Some((name, value)) = part.split_once('=') else {
            return self.notes.push(DmarcNote::NoTag { text: part.to_owned() });
        };
        let (name, value) = (name.trim_end_matches(is_space), value.trim_start_matches(is_space));
        if self.seen.iter().any(|(seen, _)| seen.eq_ignore_ascii_case(name)) {
            return self.notes.push(DmarcNote::RepeatedTag { tag: name.to_owned() });
        }
        self.seen.push((name, value));
    }

    fn take(&mut self, name: &str) -> Option<&'a str> {
        let at = self.seen.iter().position(|(seen, _)| seen.eq_ignore_ascii_case(name))?;
        Some(self.seen.remove(at).1)
    }

    /// The value of a tag if it is one of the known; what cannot be read counts as not there (RFC 9989, 4.8).
    fn choose<T>(&mut self, tag: &'static str, of: impl Fn(&str) -> Option<T>) -> Option<T> {
        let value = self.take(tag)?;
        let read = of(value);
        if read.is_none() {
            self.bad(tag, value);
        }
        read
    }

    fn bad(&mut self, tag: &'static str, value: &str) {
        self.notes.push(DmarcNote::BadValue { tag, value: value.to_owned() });
    }

    /// `p`, `sp` or `np`: not there, read, or not readable.
    fn policy(&mut self, tag: &'static str) -> Result<Option<Policy>, ()> {
        let Some(value) = self.take(tag) else { return Ok(None) };
        let policy = Policy::of(value);
        if policy.is_none() {
            self.bad(tag, value);
        }
        policy.map(Some).ok_or(())
    }

    fn uris(&mut self, tag: &'static str) -> Vec<String> {
        let Some(value) = self.take(tag) else { return Vec::new() };
        let (good, bad): (Vec<&str>, Vec<&str>) =
            value.split(',').map(str::trim).filter(|uri| !uri.is_empty()).partition(|uri| is_uri(uri));
        if good.is_empty() || !bad.is_empty() {
            self.bad(tag, value);
        }
        good.into_iter().map(str::to_owned).collect()
    }

    fn reading(mut self) -> Reading {
        let policies = (self.policy("p"), self.policy("sp"), self.policy("np"));
        let mode = |value: &str| match value {
            "r" | "R" => Some(AlignmentMode::Relaxed),
            "s" | "S" => Some(AlignmentMode::Strict),
            _ => None,
        };
        let mut record = DmarcRecord {
            policy: Policy::None,
            subdomain_policy: None,
            nonexistent_policy: None,
            dkim_alignment: self.choose("adkim", mode).unwrap_or(AlignmentMode::Relaxed),
            spf_alignment: self.choose("aspf", mode).unwrap_or(AlignmentMode::Relaxed),
            psd: self.choose("psd", psd).unwrap_or(Psd::Unsaid),
            testing: self.choose("t", testing).unwrap_or(Testing::Off),
            aggregate_reports: self.uris("rua"),
            failure_reports: self.uris("ruf"),
            failure_options: self.take("fo").map(str::to_owned),
        };
        let usable = match policies {
            (Ok(policy), Ok(subdomain), Ok(nonexistent)) => {
                if policy.is_none() {
                    self.notes.push(DmarcNote::PolicyMissing);
                }
                record.policy = policy.unwrap_or(Policy::None);
                record.subdomain_policy = subdomain;
                record.nonexistent_policy = nonexistent;
                Usable::Yes
            }
            // One that cannot be read spoils all three: with somebody to report to it is `p=none` (RFC 9989, 4.10.1).
            _ if record.aggregate_reports.is_empty() => Usable::No,
            _ => {
                self.notes.push(DmarcNote::PolicyTakenAsNone);
                Usable::Yes
            }
        };
        for (name, _) in self.seen {
            self.notes.push(match OBSOLETE.iter().find(|tag| tag.eq_ignore_ascii_case(name)) {
                Some(tag) => DmarcNote::ObsoleteTag { tag },
                None => DmarcNote::UnknownTag { tag: name.to_owned() },
            });
        }
        if record.testing == Testing::On {
            self.notes.push(DmarcNote::TestMode);
        }
        Reading { record, usable, notes: self.notes }
    }
}

fn psd(value: &str) -> Option<Psd> {
    match value {
        "y" | "Y" => Some(Psd::PublicSuffix),
        "n" | "N" => Some(Psd::Organizational),
        "u" | "U" => Some(Psd::Unsaid),
        _ => None,
    }
}

fn testing(value: &str) -> Option<Testing> {
    match value {
        "y" | "Y" => Some(Testing::On),
        "n" | "N" => Some(Testing::Off),
        _ => None,
    }
}

/// Whether a text is a URI: a scheme, a colon, and visible characters after it (RFC 3986, 3).
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let mut letters = scheme.bytes();
    letters.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && letters.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        && !rest.is_empty()
        && rest.bytes().all(|byte| byte.is_ascii_graphic())
        && (!scheme.eq_ignore_ascii_case("mailto") || rest.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_version() {
        for (text, expected) in [
            ("v=DMARC1", true),
            ("v=DMARC1;", true),
            ("v = DMARC1 ; p=none", true),
            ("V=DMARC1; p=none", true),
            ("v=dmarc1; p=none", false),
            ("v=DMARC1 p=none", false),
            ("v=DMARC12; p=none", false),
            (" v=DMARC1; p=none", false),
            ("p=none; v=DMARC1", false),
            ("v=spf1 -all", false),
            ("", false),
        ] {
            assert_eq!(read(text).is_some(), expected, "{text}");
        }
        assert!(looks_like_one(" v = dmarc1; p=none") && !looks_like_one("v=spf1"));
    }

    #[test]
    fn ok_policies() {
        let rua = "rua=mailto:a@example.com";
        for (tags, expected) in [
            ("p=Reject", Some((Policy::Reject, None, None))),
            ("p=reject; sp=none; np=quarantine", Some((Policy::Reject, Some(Policy::None), Some(Policy::Quarantine)))),
            ("sp=reject", Some((Policy::None, Some(Policy::Reject), None))),
            ("", Some((Policy::None, None, None))),
            ("p=refuse", None),
            ("p=reject; sp=refuse", None),
            ("p=reject; np=", None),
            ("p=refuse; rua=none", None),
            (&format!("p=refuse; {rua}"), Some((Policy::None, None, None))),
            (&format!("p=reject; sp=refuse; {rua}"), Some((Policy::None, None, None))),
            ("p = reject ;; t=y", Some((Policy::Reject, None, None))),
        ] {
            let Reading { record, usable, .. } = read(&format!("v=DMARC1; {tags}")).unwrap();
            let found = (record.policy, record.subdomain_policy, record.nonexistent_policy);
            assert_eq!((usable == Usable::Yes).then_some(found), expected, "{tags}");
        }
    }

    #[test]
    fn ok_other_tags() {
        let text = "v=DMARC1; p=none; adkim=s; aspf=x; psd=n; t=y; pct=50; x=1; rubbish; p=reject; fo=1:d; \
                    rua=mailto:a@example.com!10m, https://example.net/r; ruf=nowhere";
        let Reading { record, notes, .. } = read(text).unwrap();
        assert_eq!((record.dkim_alignment, record.spf_alignment), (AlignmentMode::Strict, AlignmentMode::Relaxed));
        assert_eq!((record.psd, record.testing), (Psd::Organizational, Testing::On));
        assert_eq!(record.aggregate_reports, ["mailto:a@example.com!10m", "https://example.net/r"]);
        assert_eq!(record.failure_options.as_deref(), Some("1:d"));
        assert_eq!(
            notes,
            [
                DmarcNote::NoTag { text: "rubbish".to_owned() },
                DmarcNote::RepeatedTag { tag: "p".to_owned() },
                DmarcNote::BadValue { tag: "aspf", value: "x".to_owned() },
                DmarcNote::BadValue { tag: "ruf", value: "nowhere".to_owned() },
                DmarcNote::ObsoleteTag { tag: "pct" },
                DmarcNote::UnknownTag { tag: "x".to_owned() },
                DmarcNote::TestMode,
            ]
        );
    }
}

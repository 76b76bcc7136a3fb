//! What the tests share.
#![allow(dead_code)]

use auth::{Answer, Answers, Dns, Question, RecordType};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A text with CRLF for each line end, as mail is signed.
pub fn crlf(text: &str) -> Vec<u8> {
    text.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes()
}

/// Answers that hold TXT records, one each.
pub fn answers(records: &[(&str, &str)]) -> Answers {
    let mut answers = Answers::default();
    for (name, text) in records {
        let answer = Answer::of("NOERROR", vec![text.trim().to_owned()]);
        answers.insert(&Question::new(name, RecordType::Txt), answer);
    }
    answers
}

/// A zone that is complete: what it does not hold does not exist.
pub struct Closed(pub Answers);

impl Dns for Closed {
    fn ask(&self, name: &str, record_type: RecordType) -> Answer {
        match self.0.ask(name, record_type) {
            Answer::NotSaved => Answer::NoName,
            answer => answer,
        }
    }
}

/// The answers that hold the public keys of [`Signer`]s.
pub fn zone(signers: &[&Signer]) -> Answers {
    let records: Vec<(String, String)> = signers.iter().map(|signer| (signer.name(), signer.record())).collect();
    let records: Vec<(&str, &str)> = records.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    answers(&records)
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

/// Signs messages, by an own and simple reading of RFC 6376 that shares nothing with the crate.
pub struct Signer {
    pair: Pair,
    pub selector: &'static str,
    pub domain: &'static str,
}

/// What stands in a signature besides keys and hashes.
#[derive(Clone, Debug)]
pub struct Form {
    pub canonicalization: &'static str,
    pub fields: &'static str,
    pub tags: String,
}

impl Form {
    pub fn new(canonicalization: &'static str) -> Form {
        Form { canonicalization, fields: "From:To:Subject:Date:Message-ID", tags: String::new() }
    }
}

impl Signer {
    pub fn ed25519(selector: &'static str, domain: &'static str) -> Signer {
        Signer { pair: Pair::Ed25519(Ed25519KeyPair::generate().unwrap()), selector, domain }
    }

    pub fn rsa(selector: &'static str, domain: &'static str) -> Signer {
        Signer { pair: Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()), selector, domain }
    }

    pub fn name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// The key record; an RSA key as SubjectPublicKeyInfo.
    pub fn record(&self) -> String {
        match &self.pair {
            Pair::Ed25519(pair) => format!("v=DKIM1; k=ed25519; p={}", STANDARD.encode(pair.public_key().as_ref())),
            Pair::Rsa(pair) => {
                let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
                format!("v=DKIM1; p={}", STANDARD.encode(der.as_ref()))
            }
        }
    }

    /// The key record of an RSA key as bare PKCS#1 key.
    pub fn record_pkcs1(&self) -> String {
        let Pair::Rsa(pair) = &self.pair else { panic!("RSA only") };
        format!("v=DKIM1; k=rsa; p={}", STANDARD.encode(pair.public_key().as_ref()))
    }

    fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Ed25519(_) => "ed25519-sha256",
            Pair::Rsa(_) => "rsa-sha256",
        }
    }

    fn sign_data(&self, data: &[u8]) -> String {
        let bytes = match &self.pair {
            Pair::Ed25519(pair) => pair.sign(digest(&SHA256, data).as_ref()).as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), data, &mut signature).unwrap();
                signature
            }
        };
        STANDARD.encode(bytes)
    }

    /// The message with a `DKIM-Signature` in front.
    pub fn sign(&self, message: &[u8], form: &Form) -> Vec<u8> {
        let tags = format!(
            "v=1; a={}; c={}; d={}; s={}; h={};{}",
            self.algorithm(),
            form.canonicalization,
            self.domain,
            self.selector,
            form.fields,
            form.tags
        );
        [self.signature_field("DKIM-Signature", message, form, &tags).as_bytes(), message].concat()
    }

    fn signature_field(&self, name: &str, message: &[u8], form: &Form, tags: &str) -> String {
        let (header_form, body_form) = form.canonicalization.split_once('/').unwrap();
        let (header, body) = split(message);
        let mut body = canonical_body(body, body_form);
        if let Some(length) = form.tags.split("l=").nth(1).and_then(|rest| rest.split(';').next()) {
            body.truncate(length.trim().parse().unwrap());
        }
        let hash = STANDARD.encode(digest(&SHA256, &body));
        let field = format!("{name}: {tags}\r\n bh={hash};\r\n b=");
        let mut left: Vec<String> = header_fields(&header);
        let mut data = String::new();
        for wanted in form.fields.split(':').filter(|wanted| !wanted.is_empty()) {
            let is = |field: &String| field.split(':').next().unwrap().trim().eq_ignore_ascii_case(wanted.trim());
            if let Some(place) = left.iter().rposition(is) {
                data.push_str(&canonical_field(&left.remove(place), header_form));
                data.push_str("\r\n");
            }
        }
        data.push_str(&canonical_field(&field, header_form));
        let bytes: Vec<u8> = data.chars().map(|character| character as u8).collect();
        format!("{field}{}\r\n", self.sign_data(&bytes))
    }

    /// The message with an ARC set in front.
    pub fn seal(&self, message: &[u8], instance: u32, cv: &str) -> Vec<u8> {
        let form = Form::new("relaxed/relaxed");
        let results =
            format!("ARC-Authentication-Results: i={instance}; {}; dkim=pass header.d=example.com\r\n", self.domain);
        let tags = format!(
            "i={instance}; a={}; c=relaxed/relaxed; d={}; s={}; h={};",
            self.algorithm(),
            self.domain,
            self.selector,
            form.fields
        );
        let signature = self.signature_field("ARC-Message-Signature", message, &form, &tags);
        let seal = format!(
            "ARC-Seal: i={instance}; a={}; cv={cv}; d={}; s={}; t=12345;\r\n b=",
            self.algorithm(),
            self.domain,
            self.selector
        );
        let with_set = [signature.as_bytes(), results.as_bytes(), message].concat();
        let fields = header_fields(&split(&with_set).0);
        let mut data = String::new();
        for number in 1..=instance {
            for name in ["ARC-Authentication-Results", "ARC-Message-Signature", "ARC-Seal"] {
                let has = |field: &&String| field.starts_with(&format!("{name}: i={number};"));
                if let Some(field) = fields.iter().find(has) {
                    data.push_str(&canonical_field(field, "relaxed"));
                    data.push_str("\r\n");
                }
            }
        }
        data.push_str(&canonical_field(&seal, "relaxed"));
        let bytes: Vec<u8> = data.chars().map(|character| character as u8).collect();
        [format!("{seal}{}\r\n", self.sign_data(&bytes)).as_bytes(), &with_set].concat()
    }
}

/// Header (bytes as characters) and body of a message with CRLF.
fn split(message: &[u8]) -> (String, &[u8]) {
    let at = message.windows(4).position(|four| four == b"\r\n\r\n").expect("a header");
    (message[..at].iter().map(|byte| *byte as char).collect(), &message[at + 4..])
}

/// The fields of a header, each without its last line end.
pub fn header_fields(header: &str) -> Vec<String> {
    let mut fields: Vec<String> = Vec::new();
    for line in header.split("\r\n") {
        match fields.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) => {
                last.push_str("\r\n");
                last.push_str(line);
            }
            _ => fields.push(line.to_owned()),
        }
    }
    fields
}

/// The canonical form of a field, without a line end (RFC 6376, 3.4.1 and 3.4.2).
pub fn canonical_field(field: &str, form: &str) -> String {
    if form == "simple" {
        return field.to_owned();
    }
    let (name, value) = field.split_once(':').unwrap();
    let words: Vec<&str> = value.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()).collect();
    format!("{}:{}", name.trim().to_ascii_lowercase(), words.join(" "))
}

/// The canonical form of a body (RFC 6376, 3.4.3 and 3.4.4).
pub fn canonical_body(body: &[u8], form: &str) -> Vec<u8> {
    let text: String = body.iter().map(|byte| *byte as char).collect();
    let mut lines: Vec<String> = text.split("\r\n").map(str::to_owned).collect();
    if form == "relaxed" {
        for line in &mut lines {
            let mut packed = String::new();
            for character in line.trim_end_matches([' ', '\t']).chars() {
                let white = matches!(character, ' ' | '\t');
                if !(white && packed.ends_with(' ')) {
                    packed.push(if white { ' ' } else { character });
                }
            }
            *line = packed;
        }
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    let mut out = lines.join("\r\n");
    if !out.is_empty() || form == "simple" {
        out.push_str("\r\n");
    }
    out.chars().map(|character| character as u8).collect()
}

//! Where peers differ from us, who is right, and what settles it.

use Peer::{Dkimpy, Mailauth};

/// Whom we compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// The Python package.
    Dkimpy,
    /// The Node package.
    Mailauth,
}

/// Who is right; where it was ours to learn, our check was changed and the row is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// The section says what we say.
    Ours,
    /// The standard leaves it to the verifier.
    Open,
}

/// A difference that is settled.
pub struct Known {
    /// The message, with `#1` for its second signature.
    pub case: &'static str,
    /// `dkim`, `body`, `arc`, `arc body`, `spf` or `dmarc`.
    pub what: &'static str,
    /// What we say.
    pub ours: &'static str,
    /// What they say.
    pub theirs: &'static str,
    /// Who says otherwise.
    pub peers: &'static [Peer],
    /// Who is right.
    pub right: Right,
    /// The section, and what it says.
    pub by: &'static str,
}

macro_rules! known {
    ($($case:literal $what:literal: $ours:literal, not $theirs:literal of $peers:expr; $right:ident, $by:literal)*) => {
        &[$(Known { case: $case, what: $what, ours: $ours, theirs: $theirs, peers: &$peers, right: Right::$right, by: $by }),*]
    };
}

/// All of them, by message.
#[rustfmt::skip]
pub const ALL: &[Known] = known! {
    "chasquid/11-strict_domain_check_fail" "dkim": "fail", not "pass" of [Dkimpy, Mailauth];
        Ours, "RFC 6376, 3.6.1: under t=s the domain of i= must be that of d="
    "mail-parsing/mimekit-messages/issue358.txt" "arc": "none", not "fail" of [Dkimpy];
        Ours, "RFC 8617, 5.2: without sets the result is none; dkimpy refuses the whole message for a line that is no field"
    "own/algorithm-in-capitals" "dkim": "pass", not "fail" of [Dkimpy];
        Open, "RFC 6376, 3.5: the grammar's literals match in any case (RFC 5234, 2.3), while 3.2 calls values case-sensitive"
    "own/body-without-last-line-end" "dkim": "pass", not "fail" of [Dkimpy];
        Ours, "RFC 6376, 3.4.4: white space at the end of a line goes, also of a last line that lacks its line end"
    "own/body-without-last-line-end" "body": "as signed", not "changed" of [Dkimpy];
        Ours, "RFC 6376, 3.4.4: white space at the end of a line goes, also of a last line that lacks its line end"
    "own/domain-of-one-label" "dkim": "fail", not "pass" of [Dkimpy, Mailauth];
        Ours, "RFC 6376, 3.5: d= is a domain-name, which has two labels at least"
    "own/expired-an-hour-ago" "dkim": "fail", not "pass" of [Dkimpy];
        Open, "RFC 6376, 3.5: a verifier may take an expired signature as invalid; dkimpy allows ten hours more"
    "own/from-not-signed" "dkim": "fail", not "pass" of [Dkimpy, Mailauth];
        Ours, "RFC 6376, 6.1.1: without From in h= the signature must be ignored"
    "own/header-no-break-space" "dkim": "pass", not "fail" of [Mailauth];
        Ours, "RFC 6376, 2.8 and 3.4.2: white space is space and tab only"
    "own/identity-outside" "dkim": "fail", not "pass" of [Mailauth];
        Ours, "RFC 6376, 6.1.1: i= must be within d="
    "own/identity-strict-key" "dkim": "fail", not "pass" of [Dkimpy, Mailauth];
        Ours, "RFC 6376, 3.6.1: under t=s the domain of i= must be that of d="
    "own/key-as-pkcs1" "dkim": "pass", not "fail" of [Mailauth];
        Ours, "RFC 6376, 3.6.1: p= of an RSA key is an RSAPublicKey; the longer form is what most publish"
    "own/key-beside-spf" "dkim": "pass", not "fail" of [Dkimpy, Mailauth];
        Open, "RFC 6376, 3.6.2.2: what several records mean is undefined"
    "own/key-for-all-services" "dkim": "pass", not "fail" of [Dkimpy];
        Ours, "RFC 6376, 3.6.1: s= is a list, and * in it allows all services"
    "own/key-for-another-service" "dkim": "fail", not "pass" of [Mailauth];
        Ours, "RFC 6376, 3.6.1: a record whose s= does not list e-mail must be ignored"
    "own/key-for-sha1-only" "dkim": "fail", not "pass" of [Dkimpy, Mailauth];
        Ours, "RFC 6376, 6.1.2: a record whose h= lacks the hash of a= must be ignored"
    "own/key-version-not-first" "dkim": "fail", not "pass" of [Dkimpy, Mailauth];
        Ours, "RFC 6376, 3.6.1: v= must be the first tag of the record"
    "own/key-with-tag-twice" "dkim": "fail", not "pass" of [Mailauth];
        Ours, "RFC 6376, 3.2: a tag that occurs twice makes the whole list invalid"
    "own/keys-two" "dkim": "pass", not "fail" of [Dkimpy, Mailauth];
        Open, "RFC 6376, 3.6.2.2: what several records mean is undefined"
    "own/length-beyond-the-body" "dkim": "fail", not "pass" of [Dkimpy, Mailauth];
        Ours, "RFC 6376, 3.5: l= must not be larger than the body"
    "own/length-no-number" "dkim": "fail", not "pass" of [Mailauth];
        Ours, "RFC 6376, 3.5: l= is a number of digits only"
    "own/length-zero" "dkim": "pass", not "fail" of [Mailauth];
        Ours, "RFC 6376, 3.5: l=0 signs nothing of the body"
    "own/length-zero" "body": "as signed", not "changed" of [Mailauth];
        Ours, "RFC 6376, 3.5: l=0 signs nothing of the body"
    "own/no-version" "dkim": "fail", not "pass" of [Mailauth];
        Ours, "RFC 6376, 6.1.1: v= is required"
    "own/query-method-among-others" "dkim": "pass", not "fail" of [Dkimpy];
        Ours, "RFC 6376, 3.5: q= is a list; methods that are not known are skipped"
    "own/query-method-unknown" "dkim": "fail", not "pass" of [Mailauth];
        Ours, "RFC 6376, 3.5: q= names no way to the key that is known"
    "own/rsa-sha1" "dkim": "fail", not "pass" of [Mailauth];
        Ours, "RFC 8301, 3.1: rsa-sha1 must not be taken as valid"
    "own/second-from-on-top" "dkim": "pass", not "fail" of [Dkimpy];
        Open, "RFC 6376, 5.4.2: h= names the lowest From, which holds; dkimpy refuses what 8.15 warns of, we note it"
    "own/signature-without-padding" "dkim": "pass", not "fail" of [Dkimpy];
        Ours, "RFC 6376, 2.10: the padding of base64 may be left out"
    "own/signed-in-the-future" "dkim": "pass", not "fail" of [Dkimpy];
        Open, "RFC 6376, 3.5: a verifier may ignore a signature from the future; we note it"
    "own/space-before-colon" "arc": "none", not "fail" of [Dkimpy];
        Ours, "RFC 8617, 5.2: without sets the result is none; dkimpy refuses the whole message"
    "own/space-before-colon" "dkim": "pass", not "fail" of [Dkimpy];
        Ours, "RFC 6376, 3.4.2: white space before the colon goes; RFC 5322, 4.5 has it as obsolete syntax"
    "own/tag-twice" "dkim": "fail", not "pass" of [Mailauth];
        Ours, "RFC 6376, 3.2: a tag that occurs twice makes the whole list invalid"
    "own/version-2" "dkim": "fail", not "pass" of [Mailauth];
        Ours, "RFC 6376, 6.1.1: another version must be ignored"
    "own/white-space-around-b" "dkim": "pass", not "fail" of [Dkimpy, Mailauth];
        Ours, "RFC 6376, 3.7: the value of b= is deleted with all white space around it"
    "valimail/ams_fields_c_na" "arc": "fail", not "pass" of [Dkimpy, Mailauth];
        Ours, "RFC 8617, 4.1.2: tags mean what they mean in DKIM, so that a missing c= is simple/simple; the suite follows a draft"
    "valimail/as_format_tags_dup" "arc": "fail", not "pass" of [Mailauth];
        Ours, "RFC 6376, 3.2: a tag that occurs twice makes the whole list invalid (RFC 8617, 4.1.3)"
    "valimail/as_format_tags_sc" "arc": "fail", not "pass" of [Mailauth];
        Ours, "RFC 6376, 3.2: no tag may be empty (RFC 8617, 4.1.3)"
};

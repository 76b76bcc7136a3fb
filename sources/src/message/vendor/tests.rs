//! Each vendor's fields in words: one that is known beside one that only looks so.

use super::Weight;
use super::decode::decode;

/// `vendor, who wrote it: key=value (weight) meaning; ...`, each meaning cut after its first words.
fn shown(name: &str, value: &str) -> String {
    let words = decode(name, &name.to_ascii_lowercase(), value);
    let parts: Vec<String> = words
        .decoded
        .iter()
        .map(|part| {
            assert_eq!(part.means.is_none(), part.weight == Weight::Unknown, "{name}: {part:?}");
            assert_eq!(part.source.is_none(), part.weight == Weight::Unknown, "{name}: {part:?}");
            let weight = format!("{:?}", part.weight).to_lowercase();
            let means = part.means.as_deref().unwrap_or("?");
            let head: String = means.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
            format!("{}={} ({weight}) {head}", part.key, part.value)
        })
        .collect();
    format!("{}, {:?}: {}", words.vendor.unwrap_or("-"), words.written, parts.join("; "))
}

fn check(rows: &[(&str, &str, &str)]) {
    for (name, value, expected) in rows {
        assert_eq!(shown(name, value), *expected, "{name}: {value}");
    }
}

#[test]
fn microsoft() {
    check(&[
        (
            "X-Forefront-Antispam-Report",
            "CIP:203.0.113.25;CTRY:DE;LANG:en;SCL:5;SRV:;IPV:NLI;SFV:SPM;H:mx9.gateway.example;PTR:InfoDomainNonexistent;CAT:SPOOF;SFTY:9.25;SFS:(13230040)(1234567);DIR:INB;SFP:1102;ARC:AAR",
            "Microsoft, Unmarked: CIP=203.0.113.25 (context) the address that; CTRY=DE (context) the country of; LANG=en (context) the \
             language of; SCL=5 (context) spam confidence level;; SRV= (context) nothing is stated; IPV=NLI (supports) the connecting \
             address; SFV=SPM (decides) the filter found; H=mx9.gateway.example (context) the name by; PTR=InfoDomainNonexistent \
             (supports) the connecting address; CAT=SPOOF (decides) the author domain; SFTY=9.25 (supports) a tip that; \
             SFS=(13230040)(1234567) (opaque) numbers of the; DIR=INB (supports) inbound: from outside; SFP=1102 (opaque) which \
             outbound servers; ARC=AAR (supports) parts of an",
        ),
        (
            "X-Forefront-Antispam-Report",
            "CAT:BRANDNEW;SFV:XYZ;NEW:1;odd",
            "Microsoft, Unmarked: CAT=BRANDNEW (unknown) ?; SFV=XYZ (unknown) ?; NEW=1 (unknown) ?; \
             X-Forefront-Antispam-Report=odd (unknown) ?",
        ),
        // Written by an earlier system: the same words, and never a verdict.
        (
            "X-Forefront-Antispam-Report-Untrusted",
            "SFV:NSPM;CAT:NONE;SFS:(1)",
            "Microsoft, ByEarlierSystem: SFV=NSPM (context) the filter found; CAT=NONE (context) nothing found: look; SFS=(1) \
             (opaque) numbers of the",
        ),
        (
            "X-Microsoft-Antispam",
            "BCL:7;ARA:1|2",
            "Microsoft, Unmarked: BCL=7 (supports) bulk complaint level:; ARA=1|2 (opaque) not published",
        ),
        ("X-Microsoft-Antispam", "BCL:17;", "Microsoft, Unmarked: BCL=17 (unknown) ?"),
        (
            "X-Microsoft-Antispam-Untrusted",
            "BCL:0;",
            "Microsoft, ByEarlierSystem: BCL=0 (context) bulk complaint level:",
        ),
        (
            "X-Microsoft-Antispam-Mailbox-Delivery",
            "ucf:0;jmr:1;wl:1;dest:J;OFR:SpamFilterAuthJ;RF:JunkEmail;new:2",
            "Microsoft, Unmarked: ucf=0 (supports) no rule of; jmr=1 (supports) the junk mail; wl=1 (opaque) whether a list; dest=J \
             (decides) put into the; OFR=SpamFilterAuthJ (decides) the folder was; RF=JunkEmail (supports) routed to the; new=2 \
             (unknown) ?",
        ),
        ("X-Microsoft-Antispam-Mailbox-Delivery", "dest:D", "Microsoft, Unmarked: dest=D (unknown) ?"),
        (
            "X-MS-Exchange-AntiSpam-MessageData-Original-0",
            "abc",
            "Microsoft, ByEarlierSystem: X-MS-Exchange-AntiSpam-MessageData-Original-0=abc (opaque) data of the",
        ),
        (
            "X-MS-Exchange-Organization-SCL",
            "-1",
            "Microsoft, Unmarked: X-MS-Exchange-Organization-SCL=-1 (context) spam confidence level;",
        ),
        (
            "X-MS-Exchange-Organization-AuthAs",
            "Internal",
            "Microsoft, Unmarked: X-MS-Exchange-Organization-AuthAs=Internal (supports) taken for mail",
        ),
        (
            "X-MS-Exchange-Organization-AuthAs",
            "Neighbour",
            "Microsoft, Unmarked: X-MS-Exchange-Organization-AuthAs=Neighbour (unknown) ?",
        ),
        (
            "X-MS-Exchange-ExternalOriginalInternetSender",
            "ip=[203.0.113.25];domain=mail.vendor.example",
            "Microsoft, Unmarked: ip=[203.0.113.25] (supports) its address; domain=mail.vendor.example (context) its name",
        ),
        ("X-CustomSpam", "Web bug", "Microsoft, Unmarked: X-CustomSpam=Web bug (decides) the test behind"),
        ("X-CustomSpam", "Web page", "Microsoft, Unmarked: X-CustomSpam=Web page (unknown) ?"),
        (
            "X-MS-Exchange-Organization-BrandNew",
            "yes",
            "Microsoft, Unmarked: X-MS-Exchange-Organization-BrandNew=yes (unknown) ?",
        ),
        // Looks alike: no vendor's.
        ("X-MSG", "yes", "-, Unmarked: "),
    ]);
}

#[test]
fn results() {
    check(&[
        (
            "Authentication-Results",
            "spf=pass (sender IP is 203.0.113.25) smtp.mailfrom=bounce.vendor.example; dkim=fail (body hash did not verify) \
             header.d=vendor.example;dmarc=fail action=oreject header.from=vendor.example;compauth=fail reason=000",
            "-, Unmarked: spf=pass (supports) SPF: passed; smtp.mailfrom=bounce.vendor.example (context) the envelope sender,; \
             dkim=fail (supports) DKIM: failed; header.d=vendor.example (context) the domain that; dmarc=fail (supports) DMARC: \
             failed; action=oreject (supports) the domain asks; header.from=vendor.example (context) the author domain; \
             compauth=fail (decides) composite authentication: failed; reason=000 (decides) DMARC failed, and",
        ),
        (
            "Authentication-Results",
            "mx.example.com 1; dkim=maybe reason=\"a reason; in words\" header.z=1; compauth=pass reason=850",
            "-, Unmarked: authserv-id=mx.example.com (context) who wrote the; dkim=maybe (unknown) ?; reason=a reason; in words \
             (decides) why composite authentication; header.z=1 (unknown) ?; compauth=pass (decides) composite authentication: \
             passed; reason=850 (unknown) ?",
        ),
        (
            "Authentication-Results-Original",
            "compauth=pass reason=109",
            "-, ByEarlierSystem: compauth=pass (context) composite authentication: passed; reason=109 (context) the domain has",
        ),
        (
            "ARC-Authentication-Results",
            "i=1; mx.example.com; dmarc=none",
            "-, Unmarked: i=1 (context) the number of; authserv-id=mx.example.com (context) who wrote the; dmarc=none (supports) \
             DMARC: the domain",
        ),
        (
            "Received-SPF",
            "SoftFail (x: y) client-ip=192.0.2.1",
            "-, Unmarked: Received-SPF=SoftFail (supports) SPF: failed softly:",
        ),
        ("Received-SPF", "Perhaps (x)", "-, Unmarked: Received-SPF=Perhaps (unknown) ?"),
        ("Subject", "=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=", "-, Unmarked: Subject=Grüße (context) encoded words as"),
        ("Subject", "Offer", "-, Unmarked: "),
    ]);
}

#[test]
fn gateways() {
    check(&[
        ("X-Mimecast-Spam-Score", "3", "Mimecast, Unmarked: X-Mimecast-Spam-Score=3 (supports) points of the"),
        (
            "X-Mimecast-Impersonation-Protect",
            "suspicious;Policy=Default;Similar Internal Domain=false;New Thing=true",
            "Mimecast, Unmarked: X-Mimecast-Impersonation-Protect=suspicious (decides) the policy took; Policy=Default (context) the \
             policy that; Similar Internal Domain=false (supports) the sender domain; New Thing=true (unknown) ?",
        ),
        (
            "X-Mimecast-Spam-Signature",
            "bulk",
            "Mimecast, Unmarked: X-Mimecast-Spam-Signature=bulk (supports) bears the signs",
        ),
        ("X-Mimecast-New", "1", "Mimecast, Unmarked: X-Mimecast-New=1 (unknown) ?"),
        ("X-Mimecaster", "1", "-, Unmarked: "),
        (
            "X-Proofpoint-Spam-Details",
            "rule=spam policy=default score=99 mlxscore=99 definitions=main-2004200103 newscore=1",
            "Proofpoint, Unmarked: rule=spam (decides) the rule for:; policy=default (context) the policy whose; score=99 (supports) \
             the score that; mlxscore=99 (opaque) a score of; definitions=main-2004200103 (context) the version of; newscore=1 \
             (unknown) ?",
        ),
        ("X-Proofpoint-Spam-Details", "rule=ours", "Proofpoint, Unmarked: rule=ours (unknown) ?"),
        (
            "X-Proofpoint-Virus-Version",
            "=?UTF-8?Q?vendor=3Dfsecure_engine=3D2.50?=",
            "Proofpoint, Unmarked: vendor=fsecure (context) whose scanner; engine=2.50 (context) its version",
        ),
        ("X-Proofpoint-GUID", "aB3", "Proofpoint, Unmarked: X-Proofpoint-GUID=aB3 (context) the id of"),
        ("X-PPS-New", "1", "Proofpoint, Unmarked: X-PPS-New=1 (unknown) ?"),
        (
            "X-IronPort-AV",
            "E=Sophos;i=\"6.05,213,1701090000\"; v=\"EICAR\";e=\"0x1'u\"; d=\"scan'208,217\";a=\"283670528\"",
            "Cisco, Unmarked: E=Sophos (context) the engine that; i=6.05,213,1701090000 (context) versions of engine; v=EICAR \
             (decides) names of malware; e=0x1'u (supports) an error of; d=scan'208,217 (context) kinds of the; a=283670528 (opaque) \
             what was done",
        ),
        (
            "X-IronPort-Anti-Spam-Filtered",
            "true",
            "Cisco, Unmarked: X-IronPort-Anti-Spam-Filtered=true (context) a spam engine",
        ),
        (
            "X-IronPort-Anti-Spam-Filtered",
            "perhaps",
            "Cisco, Unmarked: X-IronPort-Anti-Spam-Filtered=perhaps (unknown) ?",
        ),
        (
            "X-IronPort-Anti-Spam-Result",
            "A0D",
            "Cisco, Unmarked: X-IronPort-Anti-Spam-Result=A0D (opaque) the rules of",
        ),
        (
            "X-IronPort-SenderGroup",
            "SUSPECTLIST",
            "Cisco, Unmarked: X-IronPort-SenderGroup=SUSPECTLIST (supports) the sender group",
        ),
        ("X-SBRS", "-3.1", "Cisco, Unmarked: X-SBRS=-3.1 (supports) the reputation of"),
        ("X-Amp-Result", "Malicious", "Cisco, Unmarked: X-Amp-Result=Malicious (decides) file reputation and"),
        ("X-Ample", "Malicious", "-, Unmarked: "),
        (
            "X-Barracuda-Spam-Status",
            "Yes, SCORE=3.60 using per-user scores of TAG_LEVEL=3.5 KILL_LEVEL=9.0 NEW_LEVEL=1 tests=HTML_MESSAGE, BSF_SC0",
            "Barracuda, Unmarked: X-Barracuda-Spam-Status=Yes (decides) spam: the score; SCORE=3.60 (supports) the points of; \
             using=per-user scores of (context) whose levels were; TAG_LEVEL=3.5 (supports) the points from; KILL_LEVEL=9.0 \
             (supports) the points from; NEW_LEVEL=1 (unknown) ?; tests=HTML_MESSAGE (supports) a test that; tests=BSF_SC0 \
             (supports) a test that",
        ),
        ("X-Barracuda-Spam-Flag", "MAYBE", "Barracuda, Unmarked: X-Barracuda-Spam-Flag=MAYBE (unknown) ?"),
        ("X-ASG-Orig-Subj", "Offer", "Barracuda, Unmarked: X-ASG-Orig-Subj=Offer (context) the subject before"),
        ("X-BESS-ID", "1-2", "Barracuda, Unmarked: X-BESS-ID=1-2 (context) the id of"),
        ("X-BESSIE", "1", "-, Unmarked: "),
        (
            "X-SEA-Spam",
            "Gauge=XXXI, Probability=35%, Report='HTML_00_01 0.05, X 1'",
            "Sophos, Unmarked: Gauge=XXXI (supports) the probability as; Probability=35% (supports) the probability of; \
             Report=HTML_00_01 0.05, X 1 (supports) the rules that",
        ),
        (
            "X-LASED-SpamProbability",
            "0.08",
            "Sophos, Unmarked: X-LASED-SpamProbability=0.08 (supports) the probability of",
        ),
        ("X-LASED-New", "1", "Sophos, Unmarked: X-LASED-New=1 (unknown) ?"),
        ("X-Sophos-Product-Type", "Gateway", "Sophos, Unmarked: X-Sophos-Product-Type=Gateway (context) as a gateway"),
        ("X-Sophos-Product-Type", "Toaster", "Sophos, Unmarked: X-Sophos-Product-Type=Toaster (unknown) ?"),
        ("X-Gm-Spam", "1", "Google, Unmarked: X-Gm-Spam=1 (decides) spam"),
        ("X-Gm-Spam", "2", "Google, Unmarked: X-Gm-Spam=2 (unknown) ?"),
        ("X-Gm-Message-State", "AOJu", "Google, Unmarked: X-Gm-Message-State=AOJu (opaque) sealed data of"),
        ("X-SpamInfo", "x", "Symantec, Unmarked: X-SpamInfo=x (supports) why the service"),
        ("X-Brightmail-New", "x", "Symantec, Unmarked: X-Brightmail-New=x (unknown) ?"),
        (
            "X-KSMG-AntiSpam-Status",
            "not_detected",
            "Kaspersky, Unmarked: X-KSMG-AntiSpam-Status=not_detected (decides) what the spam",
        ),
        ("X-KSMG-New", "x", "Kaspersky, Unmarked: X-KSMG-New=x (unknown) ?"),
    ]);
}

#[test]
fn self_hosted() {
    check(&[
        (
            "X-Spam-Status",
            "Yes, score=5.1 required=5.0 tests=BAYES_99=3.5, OURS autolearn=no version=3.4.6 odd=1",
            "SpamAssassin, Unmarked: X-Spam-Status=Yes (decides) spam: the score; score=5.1 (supports) the points of; required=5.0 \
             (supports) the points from; tests=BAYES_99=3.5 (supports) the learning filter; tests=OURS (supports) a test that; \
             autolearn=no (context) whether the learning; version=3.4.6 (context) the version; odd=1 (unknown) ?",
        ),
        ("X-Spam-Flag", "NO", "SpamAssassin, Unmarked: X-Spam-Flag=NO (decides) no spam"),
        ("X-Spam-Flag", "PERHAPS", "SpamAssassin, Unmarked: X-Spam-Flag=PERHAPS (unknown) ?"),
        ("X-Spam-New", "1", "SpamAssassin, Unmarked: X-Spam-New=1 (unknown) ?"),
        ("X-Spammer", "1", "-, Unmarked: "),
        (
            "X-Spamd-Result",
            "default: False [1.20 / 15.00]; R_SPF_ALLOW(-0.20)[+ip4:192.0.2.0/24]; OURS(1.00)[]",
            "rspamd, Unmarked: default=False [1.20 / 15.00] (decides) the result: `True`; symbol=R_SPF_ALLOW(-0.20)[+ip4:192.0.2.0/24] \
             (supports) SPF passed; symbol=OURS(1.00)[] (supports) a symbol that",
        ),
        ("X-Rspamd-Action", "add header", "rspamd, Unmarked: X-Rspamd-Action=add header (decides) asked the mail"),
        ("X-Rspamd-Action", "wave", "rspamd, Unmarked: X-Rspamd-Action=wave (unknown) ?"),
        ("X-Rspamd-New", "1", "rspamd, Unmarked: X-Rspamd-New=1 (unknown) ?"),
    ]);
}

/// Long lists, deep quotes and odd characters are decoded or shown, and cost no more than they are long.
#[test]
fn no_panic_on_rubbish() {
    let names = [
        "X-Forefront-Antispam-Report",
        "X-Spam-Status",
        "X-IronPort-AV",
        "X-SEA-Spam",
        "X-Spamd-Result",
        "Authentication-Results",
    ];
    let values = [
        ";;;;".repeat(50_000),
        "a=\"".repeat(50_000),
        "a:b;".repeat(50_000),
        "ä=ö, ".repeat(50_000),
        "\u{0}\u{fffd}'\"(".repeat(50_000),
        String::new(),
    ];
    let begun = std::time::Instant::now();
    for name in names {
        for value in &values {
            let found = decode(name, &name.to_ascii_lowercase(), value);
            assert!(found.decoded.len() <= 70_000, "{name}: {}", found.decoded.len());
        }
    }
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
}

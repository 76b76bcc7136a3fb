//! Files that nobody of this project wrote, where they are at hand: each is read as what it is, or refused as what it is not.
//!
//! They lie outside the project and nothing of them is copied into it; docs/real-input.md holds the counts.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use evidence::{Cite, FileName, Place, Reading};
use sources::{ALL, ReadError, recognise};
use support::{check_cite, check_reading, try_read};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/samples");

/// Files that are not of a kind that is read yet, and what they are. `*` stands for any text. The first line that fits a
/// name counts; a file that fits none has to be read.
const NOT_READ: &[(&str, &str)] = &[
    ("*LICENSE*", "a licence"),
    ("*COPYING*", "a licence"),
    ("README.md", "the list of the samples"),
    ("chronicle-content-hub/proof_point_ps__*_quarantined_email*", ""),
    ("chronicle-content-hub/*", "answers of an orchestration tool"),
    ("conformance/arc-valimail/*", "a suite of ARC tests"),
    ("conformance/dkim-chasquid/09*.dns", "the name of another file"),
    ("conformance/dkim-chasquid/*.dns", ""),
    ("conformance/dkim-chasquid/*.error", "what a DKIM test expects"),
    ("conformance/dkim-chasquid/*.readme", "what a DKIM test is about"),
    ("conformance/dkim-chasquid/*.result", "what a DKIM test expects"),
    ("conformance/dkim-chasquid/03-bad_message.msg", "no message, as it says itself"),
    ("conformance/dkim-chasquid/*mismatch.msg", "the name of another file"),
    ("conformance/authheaders/*.txt", "the text of a DNS record without its name"),
    ("conformance/dkimpy/*.txt", "the text of a DNS record without its name"),
    ("conformance/dkimpy/*.dns", "the text of a DNS record without its name"),
    ("conformance/mailauth/*.pem", "a key"),
    ("conformance/mimekit-dkim/example.pub", "a key"),
    ("conformance/publicsuffix/*", "the public suffix list"),
    ("conformance/spf-openspf/*", "a suite of SPF tests"),
    ("elastic-sample-events/*", "ECS documents: a log shipper's copy, not the vendor's record"),
    ("graph-docs-2021/*messagerule*", ""),
    ("graph2otel/defender-allowblocklist/*", ""),
    ("graph2otel/defender-mdopolicies/*", ""),
    ("graph2otel/defender-mdorules/atpprotection*", ""),
    ("graph2otel/defender-mdorules/*", "an answer without rows"),
    ("graph2otel/m365-exchangeauditbypass/*", "an Exchange Online object without a telling property"),
    ("graph-docs-2021/*alert-get*", ""),
    ("graph-docs-2021/*conditionalaccessroot*", ""),
    ("graph-docs-2021/*directoryaudit*", ""),
    ("graph-docs-2021/*signin-list*", ""),
    ("graph-docs-2021/*", "Graph answers without a trace of mail"),
    ("graph2otel/defender-alert*", ""),
    ("graph2otel/defender-email*", ""),
    ("graph2otel/defender-identitylogon/*", ""),
    ("graph2otel/defender-messageurlinfo/*", "Defender hunting rows of other products"),
    ("graph2otel/defender-*", "Defender policies and lists"),
    ("graph2otel/entra-conditionalaccess/twinPolicies*", ""),
    ("graph2otel/entra-directoryaudits/*", ""),
    ("graph2otel/entra-securityalerts/*", ""),
    ("graph2otel/entra-signins/*", ""),
    ("graph2otel/entra-riskdetections/*", ""),
    ("graph2otel/entra-*", "other Entra settings"),
    ("logs/fail2ban/dovecot.log", ""),
    ("logs/fail2ban/exim*", ""),
    ("logs/fail2ban/postfix.log", ""),
    ("logs/fail2ban/*", "logs of other servers, with a test's notes between the lines"),
    ("logs/postfix-grok-patterns/*", "YAML tests that hold a piece of a Postfix line"),
    ("logs/sc4s/*proofpoint*", "Proofpoint lines"),
    ("mail-parsing/enmime/*/part-content-only*", "text without a header"),
    ("mail-parsing/enmime/*/part-file-mod-date*", "the header of a MIME part"),
    ("mail-parsing/enmime/*/part-header-only*", "the header of a MIME part"),
    ("mail-parsing/enmime/*/part-quoted-printable-headers*", "the header of a MIME part"),
    ("mail-parsing/enmime/parts/*content-type*", "the header of a MIME part"),
    ("mail-parsing/enmime/parts/header-only*", "the header of a MIME part"),
    ("o365-management-api-docs/*activity-api-reference__18*", ""),
    ("o365-management-api-docs/*", "answers about subscriptions and service health"),
    ("ocsf-examples/*.ocsf", "OCSF documents: a translation, not the vendor's record"),
    ("panther-analysis/*/gsuite_passthrough_rule*", "events of a detection's test without a name"),
    ("panther-analysis/*/gsuite_google_access__00*", "events of a detection's test without a name"),
    ("panther-analysis/gsuite_*", ""),
    ("panther-analysis/proofpoint_rules/*", ""),
    ("reports/parsedmarc/smtp_tls/*.json", ""),
    ("reports/stalwart-mail-auth/tlsrpt/*.json", ""),
    ("reports/*.json", "what a report test expects"),
    ("scubagear-tenant-config/authentication_method*", "tenant settings that mail does not depend on"),
    ("scubagear-tenant-config/cap_table_data*", "tenant settings that mail does not depend on"),
    ("scubagear-tenant-config/domain_settings*", "tenant settings that mail does not depend on"),
    ("scubagear-tenant-config/exo_successful_commands*", "a list of commands"),
    ("scubagear-tenant-config/intra_org_connectors*", "an answer without rows"),
    ("scubagear-tenant-config/org_relationships*", "tenant settings that mail does not depend on"),
    ("scubagear-tenant-config/outbound_connectors*", "an answer without rows"),
    ("scubagear-tenant-config/sharing_policy*", "tenant settings that mail does not depend on"),
    ("scubagear-tenant-config/*_records.json", ""),
    ("panther-analysis/microsoft_rules/windows*", "events within a detection's tests"),
    ("panther-analysis/azure_signin_rules/azure_auth_methods_policy*", "events within a detection's tests"),
    ("panther-analysis/azure_signin_rules/azure_device_code*", "events within a detection's tests"),
    ("panther-analysis/azure_signin_rules/azure_domain_trust*", "events within a detection's tests"),
    ("panther-analysis/azure_signin_rules/azure_elevate*", "events within a detection's tests"),
    ("panther-analysis/azure_signin_rules/azure_excessive*", "events within a detection's tests"),
    ("panther-analysis/azure_signin_rules/azure_graph_session*", "events within a detection's tests"),
    ("panther-analysis/azure_signin_rules/azure_high_risk*", "events within a detection's tests"),
    ("panther-analysis/azure_signin_rules/azure_multiple*", "events within a detection's tests"),
    ("panther-analysis/azure_signin_rules/azure_service_principal*", "events within a detection's tests"),
    ("panther-analysis/microsoft*", ""),
    ("panther-analysis/azure_signin_rules/*", ""),
    ("panther-analysis/*", "events within a detection's tests"),
    ("scubagear-tenant-config/conditional_access_policies*", ""),
    ("sekoia-intake-formats/*.test.json", "another program's test of the record beside it"),
    ("sekoia-intake-formats/cisco-esa/*", ""),
    ("sekoia-intake-formats/exo-message-trace/*", ""),
    ("sekoia-intake-formats/mimecast/*", ""),
    ("sekoia-intake-formats/google-workspace-report/*", ""),
    ("sekoia-intake-formats/proofpoint-*", ""),
    ("sekoia-intake-formats/o365-audit/*", ""),
    ("sekoia-intake-formats/entra-graph-audit/*", ""),
    ("sekoia-intake-formats/entra-eventhub/graph_activity*", "calls of Graph"),
    ("sekoia-intake-formats/entra-eventhub/*", ""),
    ("sekoia-intake-formats/m365-defender/test_identity_logon*", ""),
    ("sekoia-intake-formats/m365-defender/*identity*", "Defender hunting rows of other products"),
    ("sekoia-intake-formats/m365-defender/test_message_post_delivery*", "Defender hunting rows of other products"),
    ("sekoia-intake-formats/m365-defender/test_email_events*", "columns of a device under the name of a mail table"),
    ("sekoia-intake-formats/m365-defender/test_email_url_info*", "columns of a device under the name of a mail table"),
    ("sekoia-intake-formats/m365-defender/*", ""),
    ("sekoia-intake-formats/postfix/*client_address_field*", "greylisting text without program and time"),
    ("sekoia-intake-formats/postfix/*dns.raw.log", "resolver text without program and time"),
    ("sekoia-intake-formats/postfix/*pass2*", "greylisting text without program and time"),
    ("sekoia-intake-formats/postfix/*policydspf*", "SPF policy text without program and time"),
    ("sekoia-intake-formats/postfix/*postgrey*", "greylisting text without program and time"),
    ("sekoia-intake-formats/postfix/*spamd*", "SpamAssassin text without program and time"),
    ("sekoia-intake-formats/postfix/*postfix3.raw.log", "text without queue id, program and time"),
    ("sekoia-intake-formats/postfix/*postfix5.raw.log", "a warning without program and time"),
    ("sekoia-intake-formats/postfix/*postfix7.raw.log", "text without queue id, program and time"),
    ("sekoia-intake-formats/postfix/*sasl_login*", "a warning without program and time"),
    ("sekoia-intake-formats/postfix/*", ""),
    ("sekoia-intake-formats/spamassassin/*", ""),
    ("sekoia-intake-formats/*", "logs of other vendors"),
];

/// The kinds as which the files of a folder may be read; the first line that fits counts.
const KINDS: &[(&str, &[&str])] = &[
    ("azure-sentinel-mimecast/*audit*", &["mimecast/audit-events"]),
    ("azure-sentinel-mimecast/*", &["mimecast/siem"]),
    ("elastic-integrations/cisco_esa*", &["cisco/esa-log"]),
    ("logs/sc4s/*", &["cisco/esa-log"]),
    ("sekoia-intake-formats/cisco-esa/*", &["cisco/esa-log"]),
    ("chronicle-content-hub/proof_point_ps*", &["proofpoint/quarantine"]),
    ("elastic-integrations/proofpoint*", &["proofpoint/message-log"]),
    ("panther-analysis/gsuite_*", &["google/activity", "google/gmail-logs"]),
    ("sekoia-intake-formats/google-workspace-report/*", &["google/activity"]),
    ("panther-analysis/proofpoint*", &["proofpoint/tap"]),
    ("sekoia-intake-formats/proofpoint-pod/*", &["proofpoint/message-log"]),
    ("sekoia-intake-formats/proofpoint-tap/*", &["proofpoint/tap"]),
    ("demisto-content/exo_quarantine*", &["exchange-online/quarantine"]),
    ("demisto-content/mimecast_api2_siem*", &["mimecast/siem"]),
    ("demisto-content/mimecast_hold_message*", &["mimecast/held-queue"]),
    ("demisto-content/mimecast_hold_summary*", &["mimecast/hold-summary"]),
    ("demisto-content/mimecast_policy*", &["mimecast/policies"]),
    ("demisto-content/mimecast_message_info*", &["mimecast/message-info"]),
    ("demisto-content/mimecast_message_tracking*", &["mimecast/message-finder"]),
    ("elastic-integrations/exchange_message_tracking*", &["exchange-online/extended-report"]),
    ("elastic-integrations/exo_message_trace*", &["exchange-online/message-trace"]),
    ("elastic-integrations/mimecast_audit*", &["mimecast/audit-events"]),
    ("elastic-integrations/mimecast_cloud_integrated*", &["mimecast/siem"]),
    ("elastic-integrations/mimecast_dlp*", &["mimecast/dlp"]),
    ("elastic-integrations/mimecast_message_release*", &["mimecast/release-log"]),
    ("elastic-integrations/mimecast_siem*", &["mimecast/siem"]),
    ("elastic-integrations/mimecast_ttp_attachment*", &["mimecast/ttp-attachment"]),
    ("elastic-integrations/mimecast_ttp_impersonation*", &["mimecast/ttp-impersonation"]),
    ("elastic-integrations/mimecast_ttp_url*", &["mimecast/ttp-url"]),
    ("graph-docs-contrib/*", &["exchange-online/message-trace-detail"]),
    ("demisto-content/exo_tabl*", &["exchange-online/allow-block-list"]),
    ("graph-docs-2021/*messagerule*", &["exchange-online/inbox-rules"]),
    ("graph2otel/defender-allowblocklist/*", &["exchange-online/allow-block-list"]),
    ("graph2otel/defender-mdo*", &["exchange-online/threat-policies"]),
    ("graph2otel/m365-exchangeaccepteddomains/*", &["exchange-online/organisation"]),
    ("graph2otel/m365-exchangeauditconfig/*", &["exchange-online/organisation"]),
    ("graph2otel/m365-exchangeconnectionfilter/*", &["exchange-online/connection-filter"]),
    ("graph2otel/m365-exchangeconnectors/*", &["exchange-online/connectors"]),
    ("graph2otel/m365-exchangedkim/*", &["exchange-online/organisation"]),
    ("graph2otel/m365-exchangemailboxes/*", &["exchange-online/mailboxes"]),
    ("graph2otel/m365-exchangeoutboundspam/*", &["exchange-online/threat-policies"]),
    ("graph2otel/m365-exchangeremotedomains/*", &["exchange-online/organisation"]),
    ("graph2otel/m365-exchangetransportrules/*", &["exchange-online/transport-rules"]),
    ("graph2otel/m365-inboxrules/*", &["exchange-online/inbox-rules"]),
    ("graph2otel/m365-mailboxdelegation/*", &["exchange-online/mailboxes"]),
    ("scubagear-tenant-config/accepted_domains*", &["exchange-online/organisation"]),
    ("scubagear-tenant-config/admin_audit*", &["exchange-online/organisation"]),
    ("scubagear-tenant-config/conn_filter*", &["exchange-online/connection-filter"]),
    ("scubagear-tenant-config/dkim_config*", &["exchange-online/organisation"]),
    ("scubagear-tenant-config/inbound_connectors*", &["exchange-online/connectors"]),
    ("scubagear-tenant-config/org_config*", &["exchange-online/organisation"]),
    ("scubagear-tenant-config/protection_alerts*", &["exchange-online/organisation"]),
    ("scubagear-tenant-config/remote_domains*", &["exchange-online/organisation"]),
    ("scubagear-tenant-config/transport_config*", &["exchange-online/organisation"]),
    ("conformance/*.dns", &["dns/answers"]),
    ("conformance/mimekit-dkim/example.*", &["dns/answers"]),
    ("scubagear-tenant-config/*_records.json", &["dns/answers"]),
    ("scubagear-tenant-config/transport_rule*", &["exchange-online/transport-rules"]),
    ("det-eng-samples/*", &["exchange-online/audit-log"]),
    ("elastic-integrations/m365_defender*", &["defender/email-attachment-info"]),
    ("graph-docs-2021/*alert-get*", &["defender/alerts"]),
    ("graph-docs-2021/*conditionalaccessroot*", &["entra/conditional-access"]),
    ("graph-docs-2021/*directoryaudit*", &["entra/audit-log"]),
    ("graph-docs-2021/*signin-list*", &["entra/sign-ins"]),
    ("graph2otel/defender-alert*", &["defender/alerts"]),
    ("graph2otel/defender-emailpostdelivery/*", &["defender/email-post-delivery-events"]),
    ("graph2otel/defender-email/*", &["defender/email-events"]),
    ("graph2otel/defender-identitylogon/*", &["defender/identity-logon-events"]),
    ("graph2otel/entra-conditionalaccess/*", &["entra/conditional-access"]),
    ("graph2otel/entra-directoryaudits/*", &["entra/audit-log"]),
    ("graph2otel/entra-riskdetections/*", &["entra/risk-detections"]),
    ("graph2otel/entra-securityalerts/*", &["defender/alerts"]),
    ("graph2otel/entra-signins/*", &["entra/sign-ins"]),
    ("graph2otel/m365-activity/*", &["exchange-online/audit-log"]),
    ("graph2otel/m365-unifiedaudit/*", &["exchange-online/audit-log"]),
    ("invictus-o365-ual/*", &["exchange-online/audit-log"]),
    ("o365-management-api-docs/*", &["exchange-online/audit-log"]),
    ("otrf-security-datasets/AAD*", &["entra/audit-log"]),
    ("otrf-security-datasets/Office*", &["exchange-online/audit-log"]),
    ("panther-analysis/*", &["defender/alerts", "entra/audit-log", "entra/sign-ins", "exchange-online/audit-log"]),
    ("scubagear-tenant-config/conditional_access_policies*", &["entra/conditional-access"]),
    ("sekoia-intake-formats/entra-eventhub/sign-in*", &["entra/sign-ins"]),
    ("sekoia-intake-formats/entra-eventhub/user_risk*", &["entra/risk-detections"]),
    ("sekoia-intake-formats/entra-eventhub/*", &["entra/audit-log"]),
    ("sekoia-intake-formats/entra-graph-audit/test_signin*", &["entra/sign-ins"]),
    ("sekoia-intake-formats/entra-graph-audit/*", &["entra/audit-log"]),
    ("sekoia-intake-formats/m365-defender/*cloud_app*", &["exchange-online/audit-log"]),
    ("sekoia-intake-formats/m365-defender/test_additional_fields*", &["exchange-online/audit-log"]),
    ("sekoia-intake-formats/m365-defender/test_alert*", &["defender/alerts"]),
    ("sekoia-intake-formats/m365-defender/test_detection_source*", &["defender/alerts"]),
    ("sekoia-intake-formats/m365-defender/test_email_delivered*", &["defender/email-events"]),
    ("sekoia-intake-formats/m365-defender/test_identity_logon*", &["defender/identity-logon-events"]),
    ("sekoia-intake-formats/m365-defender/test_url_click*", &["defender/url-click-events"]),
    ("sekoia-intake-formats/o365-audit/*", &["exchange-online/audit-log"]),
    ("scubagear-tenant-config/*", &["exchange-online/threat-policies"]),
    ("graph2otel/m365-messagetrace/*", &["exchange-online/message-trace"]),
    ("logs/exim-testsuite/*", &["exim/log"]),
    ("logs/rspamd-docs/*.json", &["rspamd/history"]),
    ("logs/rspamd-docs/*", &["rspamd/log"]),
    ("logs/fail2ban/exim*", &["exim/log"]),
    ("logs/*", &["postfix/log"]),
    ("mailbox-rules/*", &["dovecot/sieve"]),
    ("messagetracereport-routes/*", &["exchange-online/message-trace-detail"]),
    ("msg/*", &["message/msg"]),
    ("ocsf-examples/*", &["exchange-online/message-trace"]),
    ("phishing_pot/*", &["message/eml"]),
    ("dsn/*arf-*", &["report/arf", "report/dmarc-failure", "message/eml"]),
    ("dsn/*/feedback-report.txt", &["report/arf"]),
    ("reports/*-ignored.eml", &["message/eml"]),
    ("reports/*arf/*", &["report/arf", "report/dmarc-failure"]),
    ("reports/*/failure/*", &["report/dmarc-failure"]),
    ("reports/*tls*", &["report/tls-rpt"]),
    ("reports/*", &["report/dmarc-aggregate"]),
    ("sekoia-intake-formats/exo-message-trace/*", &["exchange-online/message-trace"]),
    ("sekoia-intake-formats/mimecast/*", &["mimecast/siem"]),
    ("sekoia-intake-formats/postfix/*", &["postfix/log"]),
    ("sekoia-intake-formats/spamassassin/*", &["postfix/log"]),
    ("*", &["message/eml", "message/headers", "message/bounce"]),
];

/// Folders whose files say nothing about a message's way.
const SILENT: &[(&str, &str)] = &[("mail-parsing/enmime/parts", "MIME parts: no field of theirs names a message")];

/// Exports of a portal or an API are whole: each of their rows can be read.
const WHOLE: &[&str] = &["defender/", "entra/", "exchange-online/", "mimecast/"];

#[test]
fn real_files_are_read_as_what_they_are() {
    let root = Path::new(ROOT);
    if !root.is_dir() {
        println!("SKIPPED: no samples of third parties at {ROOT}: nothing was tried");
        return;
    }
    let mut folders: BTreeMap<String, Counts> = BTreeMap::new();
    let mut kinds: BTreeMap<&'static str, Counts> = BTreeMap::new();
    let mut wrong = Vec::new();
    for path in files_below(root) {
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        let folder = name.rsplit_once('/').map_or(".", |(folder, _)| folder).to_owned();
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        if let Err(why) = check(&name, &bytes, folders.entry(folder).or_default(), &mut kinds) {
            wrong.push(why);
        }
    }
    for (folder, counts) in &folders {
        let is_silent = SILENT.iter().any(|(silent, _)| silent == folder);
        if counts.rows > 0 && counts.observed == 0 && !is_silent {
            wrong.push(format!("{folder}: nothing observed in {} rows", counts.rows));
        }
    }
    wrong.extend(page_is_true(&[
        ("kinds", kinds_table(&kinds)),
        ("problems", problems_table(&kinds)),
        ("folders", folders_table(&folders)),
        ("refused", not_read_table(&folders)),
    ]));
    assert!(wrong.is_empty(), "{} faults:\n{}", wrong.len(), wrong.join("\n"));
}

/// Compares docs/real-input.md with what was counted; with `UPDATE_REAL_INPUT` set it is written anew.
fn page_is_true(tables: &[(&str, String)]) -> Option<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/real-input.md");
    let page = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut new = page.clone();
    for (name, table) in tables {
        println!("{name}\n\n{table}");
        let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
        let (Some(from), Some(to)) = (new.find(&begin), new.find(&end)) else {
            return Some(format!("{path}: no place for the table of {name}"));
        };
        new.replace_range(from + begin.len()..to, table);
    }
    if std::env::var_os("UPDATE_REAL_INPUT").is_some() {
        std::fs::write(path, &new).unwrap_or_else(|error| panic!("{path}: {error}"));
        return None;
    }
    (page != new)
        .then(|| format!("{path} tells other counts; write them with UPDATE_REAL_INPUT=1, and justify what is new"))
}

/// What was read from the files of a folder.
#[derive(Default)]
struct Counts {
    rows: u64,
    observed: u64,
    problems: u64,
    passed_over: BTreeMap<&'static str, u64>,
    /// What was expected where a row could not be read.
    expected: BTreeMap<String, u64>,
    kinds: BTreeMap<&'static str, u64>,
    not_read: BTreeMap<&'static str, u64>,
}

/// Recognises and reads one file, and counts what came of it.
fn check(
    name: &str,
    bytes: &[u8],
    counts: &mut Counts,
    kinds: &mut BTreeMap<&'static str, Counts>,
) -> Result<(), String> {
    let not_read = first_fit(NOT_READ, name).copied().filter(|what| !what.is_empty());
    let source = match (recognise(bytes, name), not_read) {
        (Ok(source), None) => source,
        (Err(error), Some(what)) => {
            *counts.not_read.entry(what).or_default() += 1;
            return check_refusal(name, &error);
        }
        (Ok(source), Some(what)) => return Err(format!("{name}: {what}, but taken for {}", source.id())),
        (Err(error), None) => return Err(format!("refused, and not listed as a kind that is not read: {error}")),
    };
    if !first_fit(KINDS, name).is_some_and(|kinds| kinds.contains(&source.id())) {
        return Err(format!("{name}: taken for {}", source.id()));
    }
    let reading = try_read(source, name, bytes).map_err(|error| format!("refused by its reader: {error}"))?;
    for counts in [counts, kinds.entry(source.id()).or_default()] {
        *counts.kinds.entry(source.id()).or_default() += 1;
        counts.add(&reading);
    }
    check_reading(name, bytes, &reading)?;
    match reading.problems.first() {
        Some(problem) if WHOLE.iter().any(|vendor| source.id().starts_with(vendor)) => {
            Err(format!("{}: expected {}, found {}", problem.cite, problem.expected, problem.found))
        }
        _ => Ok(()),
    }
}

impl Counts {
    fn add(&mut self, reading: &Reading) {
        self.rows += reading.rows;
        self.observed += reading.observed;
        self.problems += reading.problems.len() as u64;
        for problem in &reading.problems {
            *self.expected.entry(problem.expected.clone()).or_default() += 1;
        }
        for heap in &reading.passed_over {
            *self.passed_over.entry(heap.reason).or_default() += heap.rows;
        }
    }
}

/// A refusal names the file, what was expected and what was found, and says what to try.
fn check_refusal(name: &str, error: &ReadError) -> Result<(), String> {
    let (found, hint) = match error {
        ReadError::Encoding { found, hint, .. } | ReadError::Unrecognised { found, hint, .. } => (found, hint),
        other => return Err(format!("{name}: neither unrecognised nor no text: {other}")),
    };
    if found.is_empty() || hint.is_empty() || !error.to_string().starts_with(name) {
        return Err(format!("{name}: refused in too few words: {error}"));
    }
    Ok(())
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort();
    paths.into_iter().flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// What stands beside the first pattern that fits a name.
fn first_fit<'t, T>(table: &'t [(&str, T)], name: &str) -> Option<&'t T> {
    table.iter().find(|(pattern, _)| fits(pattern, name)).map(|(_, what)| what)
}

/// Whether a name fits a pattern in which `*` stands for any text.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == name };
    let Some(rest) = name.strip_prefix(head) else { return false };
    rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| fits(tail, &rest[at..]))
}

/// Kind by kind: how many files and rows, and in which heap the rows ended.
fn kinds_table(kinds: &BTreeMap<&'static str, Counts>) -> String {
    let mut text = String::from("| kind | files | rows | observed | problems | passed over |\n");
    text.push_str("|---|--:|--:|--:|--:|---|\n");
    let mut all = [0; 4];
    for source in ALL {
        let Some(counts) = kinds.get(source.id()) else {
            text.push_str(&format!("| {} | 0 |  |  |  | no real file is at hand |\n", source.id()));
            continue;
        };
        let files: u64 = counts.kinds.values().sum();
        let Counts { rows, observed, problems, .. } = counts;
        let passed_over = listed(&counts.passed_over);
        text.push_str(&format!("| {} | {files} | {rows} | {observed} | {problems} | {passed_over} |\n", source.id()));
        all = [all[0] + files, all[1] + rows, all[2] + observed, all[3] + problems];
    }
    text.push_str(&format!("| **all** | {} | {} | {} | {} |  |\n", all[0], all[1], all[2], all[3]));
    text
}

/// What was expected where rows could not be read.
fn problems_table(kinds: &BTreeMap<&'static str, Counts>) -> String {
    let mut text = String::from("| kind | expected there | rows |\n|---|---|--:|\n");
    for (kind, counts) in kinds {
        for (expected, rows) in &counts.expected {
            text.push_str(&format!("| {kind} | {} | {rows} |\n", expected.replace('|', "\\|")));
        }
    }
    text
}

/// Folder by folder: as what its files were read.
fn folders_table(folders: &BTreeMap<String, Counts>) -> String {
    let mut text = String::from("| folder | read as | rows | refused |\n|---|---|--:|--:|\n");
    for (folder, counts) in folders {
        let refused: u64 = counts.not_read.values().sum();
        text.push_str(&format!("| {folder} | {} | {} | {refused} |\n", listed(&counts.kinds), counts.rows));
    }
    text
}

/// What was refused, as it has to be.
fn not_read_table(folders: &BTreeMap<String, Counts>) -> String {
    let mut all = BTreeMap::new();
    folders.values().for_each(|counts| add_up(&mut all, &counts.not_read));
    let total: u64 = all.values().sum();
    let mut text = String::from("| no kind of evidence | files refused |\n|---|--:|\n");
    all.iter().for_each(|(what, files)| text.push_str(&format!("| {what} | {files} |\n")));
    text.push_str(&format!("| **all** | {total} |\n"));
    text
}

fn add_up(sum: &mut BTreeMap<&'static str, u64>, parts: &BTreeMap<&'static str, u64>) {
    parts.iter().for_each(|(what, count)| *sum.entry(what).or_default() += count);
}

fn listed(counts: &BTreeMap<&'static str, u64>) -> String {
    counts.iter().map(|(what, count)| format!("{count} {what}")).collect::<Vec<_>>().join("; ")
}

#[test]
fn patterns() {
    for (pattern, name, expected) in [
        ("a/*", "a/b/c", true),
        ("a/*.log", "a/b.log", true),
        ("a/*.log", "a/b.log.gz", false),
        ("*x*", "axb", true),
        ("a", "ab", false),
        ("*", "", true),
    ] {
        assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
    }
}

#[test]
fn a_cite_at_another_record_is_a_fault() {
    let name: FileName = "file".into();
    for (line, bytes, said, sound) in
        [(2, 4..7, "two", true), (1, 4..7, "two", false), (2, 4..6, "two", false), (2, 4..9, "two", false)]
    {
        let cite = Cite::new(name.clone(), Place::Line(line), bytes.clone(), said);
        assert_eq!(check_cite(&name, b"one\ntwo\n", &cite).is_ok(), sound, "{line} {bytes:?}");
    }
}

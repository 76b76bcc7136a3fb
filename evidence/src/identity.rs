//! Who speaks, and about which copy of which message.

use std::fmt;

/// A mailbox address, lower-cased for comparison; the null sender is the empty address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(String);

impl Address {
    /// Normalises one address: trims white space, angle brackets and an `smtp:` or `rfc822;` prefix, lower-cases.
    ///
    /// `<>` becomes the empty address, which is the null sender. The text is not checked against RFC 5321: what a
    /// record says is kept.
    pub fn new(said: &str) -> Address {
        let mut text = said.trim();
        for prefix in ["rfc822;", "smtp:"] {
            if text.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix)) {
                text = text[prefix.len()..].trim_start();
            }
        }
        let text = text.strip_prefix('<').unwrap_or(text);
        let text = text.strip_suffix('>').unwrap_or(text);
        let text = text.trim();
        Address(if text.is_ascii() { text.to_ascii_lowercase() } else { text.to_lowercase() })
    }

    /// The address as text, lower-case, without brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the null sender `<>`.
    pub fn is_null(&self) -> bool {
        self.0.is_empty()
    }

    /// The part after the last `@`, if there is one.
    pub fn domain(&self) -> Option<&str> {
        self.0.rsplit_once('@').map(|(_, domain)| domain)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("<>") } else { f.write_str(&self.0) }
    }
}

/// A key by which records of one message are joined.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Identifier {
    /// The Message-ID of RFC 5322, 3.6.4, without angle brackets, case kept. Chosen by the sender: may repeat.
    MessageId(String),
    /// Exchange Online's network message id: 32 hexadecimal digits with dashes, lower case.
    NetworkMessageId(String),
    /// A mail server's queue id; unique only within one host and instance, and only for a while.
    QueueId {
        /// Host and instance that gave the id, such as `mx1` or `mx1/postfix-out`.
        host: String,
        /// The id as logged, case kept.
        id: String,
    },
    /// Mimecast's 22-character transaction id (aCode; aggregateId without its suffix).
    Acode(String),
    /// Mimecast's id of one processing run.
    ProcessingId(String),
    /// amavis's id of a scanned mail, also the name of its quarantined copy.
    MailId(String),
}

impl Identifier {
    /// Normalises a Message-ID: trims white space and one pair of angle brackets; `None` if nothing is left.
    pub fn message_id(said: &str) -> Option<Identifier> {
        let text = said.trim();
        let text = text.strip_prefix('<').unwrap_or(text);
        let text = text.strip_suffix('>').unwrap_or(text).trim();
        (!text.is_empty()).then(|| Identifier::MessageId(text.to_owned()))
    }

    /// Normalises a network message id, with or without dashes or braces; `None` if it is not 32 hexadecimal digits.
    pub fn network_message_id(said: &str) -> Option<Identifier> {
        const DASHES: [usize; 4] = [8, 13, 18, 23];
        if said.len() == 36 && said.bytes().enumerate().all(|(at, byte)| is_normal(at, byte)) {
            let has_digit = said.bytes().any(|byte| !matches!(byte, b'0' | b'-'));
            return has_digit.then(|| Identifier::NetworkMessageId(said.to_owned()));
        }
        let mut text = [b'-'; 36];
        let (mut at, mut has_digit) = (0, false);
        for byte in said.trim().trim_matches(['{', '}']).bytes().filter(|byte| *byte != b'-') {
            if DASHES.contains(&at) {
                at += 1;
            }
            if at == text.len() || !byte.is_ascii_hexdigit() {
                return None;
            }
            text[at] = byte.to_ascii_lowercase();
            has_digit |= byte != b'0';
            at += 1;
        }
        let is_whole = at == text.len() && has_digit;
        let text = std::str::from_utf8(&text).ok().filter(|_| is_whole)?;
        Some(Identifier::NetworkMessageId(text.to_owned()))
    }

    /// Normalises a Mimecast aCode or aggregateId: strips the `_<digits>` suffix; `None` if nothing is left.
    pub fn acode(said: &str) -> Option<Identifier> {
        let text = said.trim();
        let text = match text.rsplit_once('_') {
            Some((head, tail)) if !head.is_empty() && tail.len() >= 9 && tail.bytes().all(|b| b.is_ascii_digit()) => {
                head
            }
            _ => text,
        };
        (!text.is_empty()).then(|| Identifier::Acode(text.to_owned()))
    }

    /// A queue id of a host: only the first label of the host's name counts, lower case, so that `mx1` in a log and
    /// `mx1.example.com` in a Received field agree. `instance` is the part that tells several instances on one host
    /// apart (`postfix-out`); the plain `postfix` is none.
    pub fn queue_id(host: &str, instance: Option<&str>, id: &str) -> Identifier {
        let label = host.split('.').next().unwrap_or(host).to_ascii_lowercase();
        let host = match instance {
            Some(instance) if instance != "postfix" => format!("{label}/{instance}"),
            _ => label,
        };
        Identifier::QueueId { host, id: id.to_owned() }
    }

    /// The id's own text, without its kind.
    pub fn text(&self) -> &str {
        match self {
            Identifier::MessageId(id)
            | Identifier::NetworkMessageId(id)
            | Identifier::QueueId { id, .. }
            | Identifier::Acode(id)
            | Identifier::ProcessingId(id)
            | Identifier::MailId(id) => id,
        }
    }

    /// Whether the id alone names one message within its system; a Message-ID does not.
    pub fn is_strong(&self) -> bool {
        !matches!(self, Identifier::MessageId(_))
    }
}

/// Whether a byte may stand there in 32 lower-case hexadecimal digits with dashes.
fn is_normal(at: usize, byte: u8) -> bool {
    match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Identifier::MessageId(id) => write!(f, "<{id}>"),
            Identifier::QueueId { host, id } => write!(f, "{id} on {host}"),
            other => f.write_str(other.text()),
        }
    }
}

/// The product that made a statement.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Product {
    /// Exchange Online with its filtering (EOP, Defender for Office 365).
    ExchangeOnline,
    /// Mimecast Email Security, Cloud Gateway.
    Mimecast,
    /// Postfix.
    Postfix,
    /// amavis.
    Amavis,
    /// rspamd.
    Rspamd,
    /// Dovecot, with Sieve.
    Dovecot,
    /// Exim.
    Exim,
    /// Proxmox Mail Gateway.
    ProxmoxMailGateway,
    /// Cisco Secure Email Gateway (ESA).
    CiscoSecureEmail,
    /// Proofpoint Email Protection and Targeted Attack Protection.
    Proofpoint,
    /// Google Workspace, Gmail.
    GoogleWorkspace,
    /// Microsoft Entra ID.
    Entra,
    /// Any other system, by the name it gives itself.
    Other(String),
}

/// Who makes a statement: a product, and which instance of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct System {
    /// The product.
    pub product: Product,
    /// Host, host and instance, account or tenant; `None` where the record does not name it.
    pub instance: Option<String>,
}

impl System {
    /// A system without a named instance.
    pub fn of(product: Product) -> System {
        System { product, instance: None }
    }

    /// A named instance of a product.
    pub fn at(product: Product, instance: impl Into<String>) -> System {
        System { product, instance: Some(instance.into()) }
    }

    /// The stable name used in JSON, such as `exchange-online` or `postfix/mx1`.
    pub fn id(&self) -> String {
        let product = match &self.product {
            Product::ExchangeOnline => "exchange-online",
            Product::Mimecast => "mimecast",
            Product::Postfix => "postfix",
            Product::Amavis => "amavis",
            Product::Rspamd => "rspamd",
            Product::Dovecot => "dovecot",
            Product::Exim => "exim",
            Product::ProxmoxMailGateway => "proxmox-mail-gateway",
            Product::CiscoSecureEmail => "cisco-secure-email",
            Product::Proofpoint => "proofpoint",
            Product::GoogleWorkspace => "google-workspace",
            Product::Entra => "entra",
            Product::Other(name) => name,
        };
        match (&self.product, &self.instance) {
            (
                Product::ExchangeOnline
                | Product::Mimecast
                | Product::Entra
                | Product::GoogleWorkspace
                | Product::Proofpoint,
                _,
            )
            | (_, None) => product.to_owned(),
            (_, Some(instance)) => format!("{product}/{instance}"),
        }
    }
}

impl fmt::Display for System {
    /// Writes the name a person reads, such as `Exchange Online` or `Postfix mx1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let product = match &self.product {
            Product::ExchangeOnline => "Exchange Online",
            Product::Mimecast => "Mimecast",
            Product::Postfix => "Postfix",
            Product::Amavis => "amavis",
            Product::Rspamd => "rspamd",
            Product::Dovecot => "Dovecot",
            Product::Exim => "Exim",
            Product::ProxmoxMailGateway => "Proxmox Mail Gateway",
            Product::CiscoSecureEmail => "Cisco Secure Email",
            Product::Proofpoint => "Proofpoint",
            Product::GoogleWorkspace => "Google Workspace",
            Product::Entra => "Entra ID",
            Product::Other(name) => name,
        };
        match (&self.product, &self.instance) {
            (
                Product::ExchangeOnline
                | Product::Mimecast
                | Product::Entra
                | Product::GoogleWorkspace
                | Product::Proofpoint,
                _,
            )
            | (_, None) => f.write_str(product),
            (_, Some(instance)) => write!(f, "{product} {instance}"),
        }
    }
}

/// A server as a record names it: any part may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Peer {
    /// Host name, lower case.
    pub name: Option<String>,
    /// Address as written, without brackets.
    pub ip: Option<String>,
    /// TCP port.
    pub port: Option<u16>,
}

impl Peer {
    /// Whether this is the same machine: a loopback address, `localhost`, or a local socket.
    pub fn is_loopback(&self) -> bool {
        let name = self.name.as_deref().unwrap_or("");
        let ip = self.ip.as_deref().unwrap_or("");
        ip.starts_with("127.") || ip == "::1" || name == "localhost" || name.starts_with("localhost.")
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, &self.ip) {
            (Some(name), Some(ip)) => write!(f, "{name} [{ip}]"),
            (Some(one), None) | (None, Some(one)) => f.write_str(one),
            (None, None) => f.write_str("an unnamed host"),
        }
    }
}

/// Which copies of which message a record speaks about.
///
/// A copy is one message for one recipient. A record that names several recipients speaks about each of these copies;
/// a record that names none speaks about all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CopyKey {
    /// Every id in the record that belongs to the message itself (not the ids of a link: those stand in the fact).
    pub ids: Vec<Identifier>,
    /// Envelope recipients that the record names.
    pub envelope_recipients: Vec<Address>,
}

impl CopyKey {
    /// The Message-ID, if the record carries one.
    pub fn message_id(&self) -> Option<&str> {
        self.ids.iter().find_map(|id| match id {
            Identifier::MessageId(id) => Some(id.as_str()),
            _ => None,
        })
    }
}

//! Addresses of Mimecast's API that change something, and what each takes.

use evidence::{ChangeKind, Setting, SettingClass};

/// An address, and what a request to it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// What it takes.
    pub(super) takes: Takes,
    /// The vendor's name: the last parts of its path.
    pub(super) operation: String,
    /// What is done.
    pub(super) kind: ChangeKind,
    /// For policies: the part of the path that names their type.
    pub(super) of: Option<String>,
}

/// What a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// Entries of users' lists of senders.
    Sender,
    /// Entries of the list of links.
    Url,
    /// Policies.
    Policy,
    /// Ids of held messages.
    Message,
    /// Members of a group.
    Member,
    /// Nothing that changes anything: it asks.
    Nothing,
}

impl Takes {
    /// The vendor's name of what takes it.
    pub(super) fn operation(self) -> &'static str {
        match self {
            Takes::Sender => "permit-or-block-sender",
            Takes::Url => "create-managed-url",
            Takes::Policy => "create-policy",
            Takes::Message => "hold-release",
            Takes::Member => "add-group-member",
            Takes::Nothing => "get",
        }
    }
}

/// Where the policies lie in the newer form of the API (Mimecast, policy management, read 2026-11-22).
const REST: &str = "/policy-management/";

/// What a path is; `None` if nobody here knows it.
pub(super) fn of(path: &str) -> Option<Endpoint> {
    let path = path.to_ascii_lowercase();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if path.starts_with(REST) {
        let of = parts.iter().rev().skip_while(|part| **part != "policies").nth(1)?;
        return endpoint(Takes::Policy, &format!("{of}/policies"), ChangeKind::Created, Some(of));
    }
    let [.., group, last] = parts.as_slice() else { return None };
    let is_asking = ["get-", "find-", "search", "decode-", "get"].iter().any(|word| last.starts_with(word));
    match (*group, *last) {
        _ if !parts.contains(&"api") => None,
        _ if is_asking => endpoint(Takes::Nothing, last, ChangeKind::Other, None),
        ("managedsender", "permit-or-block-sender") => endpoint(Takes::Sender, last, ChangeKind::Created, None),
        ("url", "create-managed-url") => endpoint(Takes::Url, last, ChangeKind::Created, None),
        ("url", "delete-managed-url") => endpoint(Takes::Url, last, ChangeKind::Removed, None),
        ("gateway", "hold-release" | "hold-reject") => endpoint(Takes::Message, last, ChangeKind::Other, None),
        ("directory", "add-group-member") => endpoint(Takes::Member, last, ChangeKind::Changed, None),
        ("directory", "remove-group-member") => endpoint(Takes::Member, last, ChangeKind::Changed, None),
        (of, "create-policy" | "update-policy" | "delete-policy") if parts.contains(&"policy") => {
            let kind = match *last {
                "create-policy" => ChangeKind::Created,
                "update-policy" => ChangeKind::Changed,
                _ => ChangeKind::Removed,
            };
            endpoint(Takes::Policy, &format!("{of}/{last}"), kind, Some(of))
        }
        _ => None,
    }
}

fn endpoint(takes: Takes, operation: &str, kind: ChangeKind, of: Option<&str>) -> Option<Endpoint> {
    Some(Endpoint { takes, operation: operation.to_owned(), kind, of: of.map(str::to_owned) })
}

/// The id at the end of a path below `policies`, as written.
pub(super) fn id_in(path: &str) -> Option<String> {
    let (_, id) = path.rsplit_once("/policies/")?;
    (!id.is_empty()).then(|| id.to_owned())
}

impl Endpoint {
    /// Whether it is of the newer form, where the method says what is done.
    pub(super) fn is_rest(&self) -> bool {
        self.operation.ends_with("/policies")
    }

    /// What it sets up, as far as its path says.
    pub(super) fn class(&self) -> SettingClass {
        match self.takes {
            Takes::Sender => SettingClass::UserListEntry,
            Takes::Url => SettingClass::ListEntry,
            Takes::Member => SettingClass::Group,
            _ => SettingClass::GatewayPolicy("not named".to_owned()),
        }
    }

    /// Puts the type of a policy in, where the path names it and the policy itself does not.
    pub(super) fn name_class(&self, setting: &mut Setting) {
        let Some(of) = self.of.as_deref() else { return };
        if !matches!(&setting.class, SettingClass::GatewayPolicy(name) if name.starts_with("not named")) {
            return;
        }
        setting.class = match of {
            "blockedsenders" | "blocked-senders" | "permittedsenders" | "permitted-senders" => {
                SettingClass::SenderPolicy
            }
            "delivery-route" | "delivery-routing" => SettingClass::DeliveryRoute,
            "webwhiteurl" | "url-protection" => SettingClass::UrlProtection,
            "antispoofing-bypass" | "anti-spoofing-bypass" => {
                SettingClass::GatewayPolicy("Anti-Spoofing SPF based Bypass".to_owned())
            }
            "antispoofing" | "anti-spoofing" => SettingClass::GatewayPolicy("Anti-Spoofing".to_owned()),
            "address-alteration" => SettingClass::GatewayPolicy("Address Alteration".to_owned()),
            "greylisting" => SettingClass::GatewayPolicy("Greylisting".to_owned()),
            other => SettingClass::GatewayPolicy(other.to_owned()),
        };
    }
}

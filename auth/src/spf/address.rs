//! Addresses and names of the DNS: networks, mail exchangers, and the names under which the names of addresses are.

use std::fmt::Write;
use std::net::IpAddr;

use crate::domain;

/// Most mail exchangers whose addresses are asked for, and most names of the client that are tried (RFC 7208, 4.6.4).
pub(super) const MAX_NAMES: usize = 10;

/// Whether an address lies within a network; addresses of another family never do.
pub(super) fn within(ip: IpAddr, network: IpAddr, bits: u8) -> bool {
    match (ip, network) {
        (IpAddr::V4(ip), IpAddr::V4(network)) => {
            let differing = ip.to_bits() ^ network.to_bits();
            differing.checked_shr(32 - u32::from(bits)).unwrap_or(0) == 0
        }
        (IpAddr::V6(ip), IpAddr::V6(network)) => {
            let differing = ip.to_bits() ^ network.to_bits();
            differing.checked_shr(128 - u32::from(bits)).unwrap_or(0) == 0
        }
        _ => false,
    }
}

/// The mail exchangers that can be asked for, by preference and then by name: the DNS gives them in any order.
pub(super) fn mail_exchangers(records: &[String]) -> Vec<String> {
    let mut hosts: Vec<(u32, String)> = records
        .iter()
        .filter_map(|record| {
            let (preference, host) = record.trim().split_once([' ', '\t'])?;
            Some((preference.parse().ok()?, domain::normal(host)))
        })
        .filter(|(_, host)| domain::is_dns_name(host))
        .collect();
    hosts.sort();
    hosts.into_iter().map(|(_, host)| host).collect()
}

/// The names of the client that are tried, by name: the DNS gives them in any order.
pub(super) fn client_names(records: &[String]) -> Vec<String> {
    let mut names: Vec<String> = records.iter().map(|record| domain::normal(record)).collect();
    names.retain(|name| domain::is_dns_name(name));
    names.sort();
    names.dedup();
    names.truncate(MAX_NAMES);
    names
}

/// The name under which the names of an address are (RFC 1035, 3.5; RFC 3596, 2.5).
pub(super) fn reverse_name(ip: IpAddr) -> String {
    let mut parts = dotted(ip).split('.').rev().collect::<Vec<_>>().join(".");
    parts.push_str(if ip.is_ipv4() { ".in-addr.arpa" } else { ".ip6.arpa" });
    parts
}

/// An address in dotted parts: bytes of IPv4, hexadecimal digits of IPv6 (RFC 7208, 7.3).
pub(super) fn dotted(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => {
            let mut text = String::with_capacity(63);
            for byte in ip.octets() {
                let dot = if text.is_empty() { "" } else { "." };
                let _ = write!(text, "{dot}{:x}.{:x}", byte >> 4, byte & 15);
            }
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_within() {
        for (ip, network, bits, expected) in [
            ("192.0.2.1", "192.0.2.200", 24, true),
            ("192.0.2.1", "192.0.2.200", 25, false),
            ("192.0.2.1", "198.51.100.1", 0, true),
            ("192.0.2.1", "::", 0, false),
            ("2001:db8::1", "2001:db8:ffff::", 32, true),
            ("2001:db8::1", "2001:db8::1", 128, true),
            ("2001:db8::1", "2001:db8::2", 128, false),
            ("2001:db8::1", "::", 0, true),
        ] {
            assert_eq!(
                within(ip.parse().unwrap(), network.parse().unwrap(), bits),
                expected,
                "{ip} in {network}/{bits}"
            );
        }
    }

    #[test]
    fn ok_names() {
        let exchangers = ["10 b.example.", "5 c.example", "10 A.example", "0 .", "x y.example"].map(str::to_owned);
        assert_eq!(mail_exchangers(&exchangers), ["c.example", "a.example", "b.example"]);
        assert_eq!(reverse_name("192.0.2.1".parse().unwrap()), "1.2.0.192.in-addr.arpa");
        let reverse = format!("1{}.8.b.d.0.1.0.0.2.ip6.arpa", ".0".repeat(23));
        assert_eq!(reverse_name("2001:db8::1".parse().unwrap()), reverse);
    }
}

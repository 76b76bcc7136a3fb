//! Properties that a system writes itself: that they differ is no change of its own.

use std::sync::LazyLock;

use evidence::Product;
use serde::Deserialize;

/// The properties of one product, dated.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    written: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    property: String,
    because: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "says who says so"))]
    source: String,
}

static EXCHANGE_ONLINE: LazyLock<Table> = LazyLock::new(|| of(include_str!("exchange_online/written.toml")));

fn of(text: &str) -> Table {
    toml::from_str(text).unwrap_or_else(|error| panic!("a table of properties: {error}"))
}

/// What a property is that the system writes itself; `None` if somebody sets it.
pub(crate) fn by_itself(product: &Product, property: &str) -> Option<&'static str> {
    let table = match product {
        Product::ExchangeOnline => &EXCHANGE_ONLINE,
        _ => return None,
    };
    let found = table.written.iter().find(|written| written.property.eq_ignore_ascii_case(property));
    found.map(|written| written.because.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_property_has_its_page() {
        for written in &EXCHANGE_ONLINE.written {
            assert!(written.source.contains(", read 20") && !written.because.is_empty(), "{}", written.property);
        }
    }
}

//! Properties that a system writes itself: that they differ is no change of its own.

use std::sync::LazyLock;

use evidence::Product;
use serde::Deserialize;

/// The properties of one product, dated.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    written: Vec<Written>,
    from_the_start: Vec<FromTheStart>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FromTheStart {
    property: String,
    value: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "says who says so"))]
    source: String,
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

fn of_product(product: &Product) -> Option<&'static Table> {
    match product {
        Product::ExchangeOnline => Some(&EXCHANGE_ONLINE),
        _ => None,
    }
}

/// Whether a property has this value unless somebody changes it.
pub(crate) fn is_from_the_start(product: &Product, property: &str, value: &str) -> bool {
    let is_it =
        |one: &FromTheStart| one.property.eq_ignore_ascii_case(property) && one.value.eq_ignore_ascii_case(value);
    of_product(product).is_some_and(|table| table.from_the_start.iter().any(is_it))
}

/// What a property is that the system writes itself; `None` if somebody sets it.
pub(crate) fn by_itself(product: &Product, property: &str) -> Option<&'static str> {
    let found = of_product(product)?.written.iter().find(|written| written.property.eq_ignore_ascii_case(property));
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
        for one in &EXCHANGE_ONLINE.from_the_start {
            assert!(one.source.contains(", read 20"), "{}", one.property);
        }
    }
}

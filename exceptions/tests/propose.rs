//! What is proposed for the tickets of `cases/`, and that it is narrow.

mod tickets;

use exceptions::{Cure, Done};
use tickets::tickets;

/// One line a cure.
fn told(cure: &Cure) -> String {
    let need = &cure.need;
    let done = match &cure.done {
        Done::Mend { what, owner, meanwhile, .. } => format!("MEND by {owner}: {what} (meanwhile {})", meanwhile.len()),
        Done::Useless { because, meanwhile, .. } => format!("USELESS {because} (meanwhile {})", meanwhile.len()),
        Done::Except(proposals) => {
            let all: Vec<&str> = proposals.iter().map(|one| one.what.as_str()).collect();
            format!("EXCEPT {}", all.join(" | "))
        }
        Done::NotShown { because, ask_for } => format!("NOT SHOWN {because} ask {ask_for:?}"),
    };
    let held: Vec<String> = need.held.iter().map(|held| format!("{}={:?}", held.envelope_recipient, held.id)).collect();
    format!(
        "{:?} {} {:?} policy={:?} held={held:?} client={:?} gateway={} signed={:?} dmarc={:?} urls={}\n      {done}",
        need.product,
        need.cause,
        need.verdict,
        need.policy,
        need.client,
        need.is_behind_a_gateway,
        need.signed_by,
        need.dmarc_passed,
        need.urls.len()
    )
}

#[test]
fn dump() {
    for ticket in tickets() {
        println!("== {}", ticket.name);
        for line in ticket.expected.iter().filter(|line| line.starts_with("cause") || line.starts_with("copy")) {
            println!("   expected {line}");
        }
        let Some(followed) = ticket.follow() else {
            println!("   unclear");
            continue;
        };
        for cure in &followed.cures {
            println!("   {}", told(cure));
        }
    }
}

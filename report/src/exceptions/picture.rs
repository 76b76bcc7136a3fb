//! Candidates from narrow to wide, and which of them are worth a look.

use std::collections::BTreeSet;

use exceptions::{Radius, Scope};

use super::MeasuredScope;
use crate::picture::{Breadth, BreadthRow, BroughtUp, Picture};

/// How many candidates are drawn at most.
const MAX_ROWS: usize = 12;
/// How many of the front, and how many neighbours, at most.
const MAX_FRONT: usize = 5;
const MAX_NEIGHBOURS: usize = 4;

/// Draws candidates from narrow to wide: what is proposed, the front, what has one condition more or less than what is proposed, and some of
/// the widest.
///
/// `front` are places in `candidates`; a scope that is proposed is drawn even if it is no candidate. `marked` says who brought it up.
pub fn breadth(
    candidates: &[(Scope, Radius)],
    front: &[usize],
    proposed: &[(Scope, Radius)],
    marked: BroughtUp,
) -> Picture {
    let all: Vec<(&Scope, &Radius)> = {
        let mut seen = BTreeSet::new();
        let all = proposed.iter().chain(candidates).map(|(scope, radius)| (scope, radius));
        all.filter(|(scope, _)| seen.insert(*scope)).collect()
    };
    let is_proposed: BTreeSet<&Scope> = proposed.iter().map(|(scope, _)| scope).collect();
    let on_front: BTreeSet<&Scope> =
        front.iter().filter_map(|at| candidates.get(*at)).map(|(scope, _)| scope).collect();
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|at| all.get(*at).map(|(scope, radius)| narrow_first(scope, radius)));
    // Of what no row shows nothing can be compared: it is drawn only if it is proposed, or if nothing else is there.
    let is_seen = |at: &usize| {
        all.get(*at)
            .is_some_and(|(scope, radius)| radius.messages > 0 || radius.possible == 0 || is_proposed.contains(scope))
    };
    if order.iter().any(|at| is_seen(at) && all.get(*at).is_some_and(|(_, radius)| radius.messages > 0)) {
        order.retain(is_seen);
    }
    let scope = |at: &usize| all.get(*at).map(|(scope, _)| *scope);
    let is_in = |set: &BTreeSet<&Scope>, at: &usize| scope(at).is_some_and(|scope| set.contains(scope));
    let mut drawn: BTreeSet<usize> = BTreeSet::new();
    drawn.extend(order.iter().copied().filter(|at| is_in(&is_proposed, at)).take(MAX_ROWS / 2));
    drawn.extend(order.iter().copied().filter(|at| is_in(&on_front, at)).take(MAX_FRONT));
    let is_neighbour =
        |at: &usize| scope(at).is_some_and(|scope| proposed.iter().any(|(own, _)| are_neighbours(own, scope)));
    let neighbours: Vec<usize> = order.iter().copied().filter(|at| !drawn.contains(at) && is_neighbour(at)).collect();
    drawn.extend(spread(&neighbours, MAX_NEIGHBOURS));
    let rest: Vec<usize> = order.iter().copied().filter(|at| !drawn.contains(at)).collect();
    let left = MAX_ROWS.saturating_sub(drawn.len());
    // The widest is always seen: it is what people reach for.
    drawn.extend(rest.last());
    drawn.extend(spread(&rest, left.saturating_sub(1)));
    let row = |at: &usize| {
        let (scope, radius) = *all.get(*at)?;
        Some(BreadthRow {
            scope: MeasuredScope::of(scope, radius),
            is_proposed: is_proposed.contains(scope),
            is_on_front: on_front.contains(scope),
        })
    };
    let rows: Vec<BreadthRow> = order.iter().filter(|at| drawn.contains(at)).filter_map(row).collect();
    let not_drawn = (all.len() - rows.len()) as u64;
    Picture::Breadth(Breadth { rows, not_drawn, marked })
}

fn narrow_first<'a>(scope: &'a Scope, radius: &Radius) -> (u64, u64, u64, std::cmp::Reverse<usize>, &'a Scope) {
    (radius.messages, radius.kept_out, radius.possible, std::cmp::Reverse(scope.terms.len()), scope)
}

/// Whether one has one condition more than the other, or one condition on the same thing that is another.
fn are_neighbours(one: &Scope, other: &Scope) -> bool {
    let only_one = one.terms.difference(&other.terms).count();
    let only_other = other.terms.difference(&one.terms).count();
    matches!((only_one, only_other), (1, 0) | (0, 1) | (1, 1))
}

/// So many of a list, evenly spread over it, the first among them.
fn spread(list: &[usize], count: usize) -> Vec<usize> {
    let count = count.min(list.len());
    (0..count).filter_map(|at| list.get(at * list.len() / count.max(1)).copied()).collect()
}

#[cfg(test)]
mod tests {
    use evidence::Address;
    use exceptions::{On, Term, Value};

    use super::*;

    fn lattice() -> Vec<(Scope, Radius)> {
        let terms = [
            Term::one(On::HeaderFrom, Value::Address(Address::new("ann@a.example"))),
            Term::one(On::HeaderFrom, Value::Domain("a.example".to_owned())),
            Term::one(On::Recipient, Value::Address(Address::new("bob@b.example"))),
            Term::one(On::Subject, Value::Holds("invoice".to_owned())),
            Term::one(On::Dmarc, Value::Name("pass".to_owned())),
        ];
        let picked = |mask: usize| {
            terms.iter().enumerate().filter(move |(at, _)| mask >> at & 1 == 1).map(|(_, term)| term.clone())
        };
        (1..32_usize)
            .map(|mask| {
                let radius = Radius { messages: 1 << (5 - mask.count_ones()), ..Radius::default() };
                (Scope::of(picked(mask)), radius)
            })
            .collect()
    }

    #[test]
    fn narrow_first_and_no_more_than_a_dozen() {
        let all = lattice();
        let proposed = vec![all[4].clone()];
        let Picture::Breadth(drawn) = breadth(&all, &[30, 4], &proposed, BroughtUp::Proposed) else {
            panic!("another picture")
        };
        assert!(drawn.rows.len() <= MAX_ROWS, "{}", drawn.rows.len());
        assert_eq!(drawn.rows.len() as u64 + drawn.not_drawn, 31);
        assert!(drawn.rows.is_sorted_by_key(|row| row.scope.messages), "{drawn:?}");
        assert_eq!(drawn.rows.iter().filter(|row| row.is_proposed).count(), 1);
        assert_eq!(drawn.rows.iter().filter(|row| row.is_on_front).count(), 2);
        assert_eq!(drawn.rows.last().map(|row| row.scope.messages), Some(16), "the widest is there");
    }

    #[test]
    fn what_no_row_shows_is_not_drawn_beside_what_is_counted() {
        let mut all = lattice();
        let unseen = Term::one(On::SignedBy, Value::Domain("a.example".to_owned()));
        let possible = Radius { possible: 9, ..Radius::default() };
        all.push((Scope::of([unseen]), possible.clone()));
        let Picture::Breadth(drawn) = breadth(&all, &[31], &[], BroughtUp::Proposed) else { panic!("another picture") };
        assert!(drawn.rows.iter().all(|row| row.scope.messages > 0), "{drawn:?}");
        let Picture::Breadth(drawn) = breadth(&all[31..], &[], &[], BroughtUp::Proposed) else {
            panic!("another picture")
        };
        assert_eq!(drawn.rows.len(), 1, "there is nothing else");
    }

    #[test]
    fn what_is_proposed_is_drawn_without_candidates() {
        let proposed = vec![(Scope::default(), Radius::default())];
        let Picture::Breadth(drawn) = breadth(&[], &[7], &proposed, BroughtUp::Proposed) else {
            panic!("another picture")
        };
        assert_eq!((drawn.rows.len(), drawn.not_drawn), (1, 0));
    }
}

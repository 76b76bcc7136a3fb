use super::*;

fn copy(fate: Fate, cause: Option<(&str, Decider)>) -> MemberCopy {
    let cause = cause.map(|(id, decider)| SharedCause {
        id: id.to_owned(),
        standing: Standing::Proved,
        layer: Layer::Verdict,
        system: "Mimecast".to_owned(),
        decider,
        statement: "held".to_owned(),
        cites: Vec::new(),
    });
    let shown = fate == Fate::Delivered || cause.is_some();
    let because = "because".to_owned();
    MemberCopy {
        envelope_recipient: Address::new("a@x.example"),
        fate,
        changed_layer: None,
        because,
        cause,
        undone: None,
        shown,
    }
}

fn members(all: Vec<(Whose, &str, MemberCopy)>) -> Vec<Member> {
    let member = |(whose, at, copy): (Whose, &str, MemberCopy)| Member {
        message_id: None,
        at: Some(format!("2026-11-18T{at}:00Z").parse().expect("an instant")),
        whose,
        copies: vec![copy],
        places: BTreeSet::new(),
        stage_places: BTreeSet::new(),
    };
    all.into_iter().map(member).collect()
}

fn policy(name: &str) -> Decider {
    Decider::Policy(name.to_owned())
}

#[test]
fn only_the_same_shown_cause_is_shared() {
    const SPAM: &str = "content-verdict/spam";
    let held = |decider| copy(Fate::Quarantined, Some((SPAM, decider)));
    let all = members(vec![
        (Whose::Sought, "08:00", copy(Fate::Delivered, None)),
        (Whose::Sought, "09:00", held(policy("Inbound"))),
        (Whose::Sought, "10:00", held(policy("Inbound"))),
        (Whose::Sought, "10:30", held(policy("VIP"))),
        (Whose::Sought, "11:00", held(Decider::Unnamed)),
        (Whose::Sought, "11:30", copy(Fate::Quarantined, None)),
        (Whose::OnlyByFrom(Address::new("x@evil.example")), "11:45", held(policy("Inbound"))),
        (Whose::Sought, "12:00", copy(Fate::Delivered, None)),
    ]);
    let found = shared(&all);
    let groups: Vec<(usize, &Decider)> = found.groups.iter().map(|one| (one.messages, &one.cause.decider)).collect();
    assert_eq!(groups, [(2, &policy("Inbound"))]);
    let exceptions: Vec<usize> = found.exceptions.iter().map(|(at, ..)| *at).collect();
    assert_eq!(exceptions, [0, 3, 4, 5, 7]);
    let group = &found.groups[0];
    assert_eq!(group.delivered_before, all[0].at);
    assert_eq!(group.delivered_after, all[7].at);
    assert_eq!(group.delivered_between, 0);
}

#[test]
fn what_may_be_the_senders_counts_only_if_nothing_else_does() {
    let held = || copy(Fate::Quarantined, Some(("content-verdict/spam", policy("Inbound"))));
    let maybe = || Whose::Unauthenticated(Address::new("bounce@mailer.example"));
    let forged = || Whose::OnlyByFrom(Address::new("x@trap.example"));
    let all = members(vec![(maybe(), "08:00", held()), (forged(), "08:10", held()), (maybe(), "09:00", held())]);
    assert_eq!(counted(&all), [0, 2].into());
    assert_eq!(shared(&all).groups[0].messages, 2);
    let all = members(vec![(maybe(), "08:00", held()), (Whose::Sought, "08:10", held())]);
    assert_eq!(counted(&all), [1].into());
}

#[test]
fn the_largest_group_stands_first() {
    let held = |name: &str| copy(Fate::Quarantined, Some(("content-verdict/spam", policy(name))));
    let all = members(vec![
        (Whose::Sought, "08:00", held("A")),
        (Whose::Sought, "08:10", held("A")),
        (Whose::Sought, "09:00", held("B")),
        (Whose::Sought, "09:10", held("B")),
        (Whose::Sought, "09:20", held("B")),
    ]);
    let sizes: Vec<usize> = shared(&all).groups.iter().map(|group| group.messages).collect();
    assert_eq!(sizes, [3, 2]);
}

#[test]
fn nothing_is_an_exception_where_all_was_delivered() {
    let all = members(vec![
        (Whose::Sought, "08:00", copy(Fate::Delivered, None)),
        (Whose::Sought, "09:00", copy(Fate::Delivered, None)),
    ]);
    let found = shared(&all);
    assert!(found.groups.is_empty() && found.exceptions.is_empty());
}

#[test]
fn domains_that_are_kin() {
    for (one, other, expected) in [
        ("a@x.example", "b@x.example", true),
        ("a@bounce.x.example", "b@x.example", true),
        ("a@x.example", "b@mail.x.example", true),
        ("a@notx.example", "b@x.example", false),
    ] {
        assert_eq!(are_kin(&Address::new(one), &Address::new(other)), expected, "{one} {other}");
    }
}

//! A case is what its journal adds up to, however the entries came into it.

use case::{
    About, Answer, Answered, AnsweredCause, Asked, Case, Deed, Draft, Status, Store as _, Verification, Wanted,
};
use proptest::prelude::*;

use super::{at, opened, store};

fn deed() -> impl Strategy<Value = Deed> {
    let text = "[a-zäß '\"%\\\\\u{0}-\u{1f}]{0,12}";
    let status = prop::sample::select(Status::ALL.to_vec());
    let answer = prop::sample::select(vec![Answer::Held, Answer::CannotTell, Answer::CameBack]);
    let cause = |id: String| AnsweredCause {
        id,
        standing: report::Standing::Proved,
        layer: report::Layer::Verdict,
        envelope_recipient: None,
        system: String::new(),
        decided_by: None,
    };
    let answered = (prop::collection::vec(text, 0..3), prop::collection::vec("[a-z]{1,3}/[a-z]{1,3}", 0..3));
    prop_oneof![
        text.prop_map(|text| Deed::Noted { text }),
        (status, text).prop_map(|(status, why)| Deed::StatusSet { status, why }),
        (text, any::<Option<u64>>()).prop_map(|(candidate, messages)| Deed::ChangeMade {
            made_at: at("2026-08-20T12:00:00.000000001Z"),
            candidate,
            guard: None,
            ends: None,
            messages,
        }),
        (answer, any::<bool>()).prop_map(|(answer, again)| Deed::Verified {
            verification: Verification { answer, checks: Vec::new() },
            due: again.then(|| at("2026-09-01T00:00:00Z")),
        }),
        (text, text).prop_map(|(to, reason)| Deed::Escalated { to, reasons: vec![reason], sha256: String::new() }),
        text.prop_map(|subject| Deed::Asked { asked: Asked { subject: Some(subject), ..Asked::default() } }),
        answered.prop_map(move |(message_ids, causes)| Deed::Answered {
            answered: Answered { message_ids, causes: causes.into_iter().map(cause).collect(), ..Answered::default() },
        }),
    ]
}

fn drafts() -> impl Strategy<Value = Vec<Vec<Draft>>> {
    let key = prop::option::of("[ab]");
    let draft = (deed(), key, 0_i64..1_000_000_000).prop_map(|(deed, key, seconds)| Draft {
        at: jiff::Timestamp::from_second(seconds).expect("an instant"),
        who: "ana".to_owned(),
        key,
        deed,
    });
    prop::collection::vec(prop::collection::vec(draft, 0..4), 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_case_is_what_its_journal_adds_up_to(together in drafts()) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut kept = store(folder.path());
        let mut case = opened(&mut kept, About::default(), Asked::default());
        for drafts in &together {
            case = kept.append(&case.uid, drafts.clone()).expect("appended");
        }
        drop(kept);
        let store = store(folder.path());
        let journal = store.journal(&case.uid).expect("a journal");
        prop_assert_eq!(Case::of(case.number, &journal), Some(case.clone()));
        prop_assert_eq!(store.list(&Wanted::default()).expect("listed"), vec![case.clone()]);
        prop_assert_eq!(case.entries, journal.len() as u64);
        prop_assert_eq!(case::tampered(&journal), vec![]);
        prop_assert_eq!(store.tampered().expect("read"), vec![]);
        let mut keys: Vec<_> = journal.iter().filter_map(|entry| Some((entry.deed.word(), entry.key.clone()?))).collect();
        let all = keys.len();
        keys.sort();
        keys.dedup();
        prop_assert_eq!(keys.len(), all, "no key twice for one deed");
        // Elsewhere it is the same.
        let elsewhere = tempfile::tempdir().expect("a folder");
        let mut other = super::store(elsewhere.path());
        let imported = other.import(&journal, Vec::new()).expect("imported");
        prop_assert_eq!(Case { number: case.number, ..imported }, case.clone());
        prop_assert_eq!(other.journal(&case.uid).expect("a journal"), journal);
    }
}

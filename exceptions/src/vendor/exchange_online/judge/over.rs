//! What never acts: it is over before it begins, or it is made switched off.

use evidence::{ChangeKind, Effect, Setting, SettingClass};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use sources::proposed::About;

use super::super::rule::{self, Treatment};
use super::super::{grants as granted, words};
use super::{Case, note};
use crate::vendor::common::{self, End};
use crate::{Grant, Level, Reason};

/// That a step lets nothing through at any time, if it does not.
pub(super) fn judge(case: &Case<'_>, grants: &[Grant]) -> Option<Reason> {
    let setting = match &case.step.about {
        About::Setting(setting) => Some(&**setting),
        About::Act(_) => None,
    };
    let is_new = case.step.kind == ChangeKind::Created;
    if is_new && let Some(setting) = setting {
        if is_off(case, setting) {
            return Some(useless("the rule does not act: it is made switched off, or only to report".to_owned()));
        }
        if let Some((starts, ends)) = starts(setting).zip(setting.expires.as_ref().map(|when| when.at))
            && starts >= ends
        {
            return Some(useless(format!("it would begin {starts}, and ends {ends}: it never acts")));
        }
    }
    let past = |grant: &Grant| match common::end(grant.ends, None, case.world.now) {
        End::Past(at) => Some(at),
        _ => None,
    };
    let at = past(grants.first()?)?;
    if !grants.iter().all(|grant| past(grant).is_some()) {
        return None;
    }
    Some(if is_new { useless(format!("it is over already: it ended {at}")) } else { note(format!("it ended {at}")) })
}

fn useless(statement: String) -> Reason {
    Reason::plain(Level::Useless, statement)
}

/// Whether a command makes a rule for a sample that lets nothing through, because it is off.
fn is_off(case: &Case<'_>, setting: &Setting) -> bool {
    setting.class == SettingClass::TransportRule
        && granted::is_command(case.step)
        && matches!(setting.effect, Effect::Off | Effect::ReportOnly)
        && matches!(rule::treatment(setting), Treatment::StandsAside | Treatment::GoesAround)
        && case.world.needs.iter().any(|need| need.is_shown)
}

/// When a rule begins to act, where it says so; a day without a zone is taken for UTC.
fn starts(setting: &Setting) -> Option<Timestamp> {
    let said = words::property(setting, "ActivationDate")?.trim();
    let of_day = || said.parse::<Date>().ok().map(|day| day.at(0, 0, 0, 0));
    let of_us = || Date::strptime("%m/%d/%Y", said).ok().map(|day| day.at(0, 0, 0, 0));
    let local = || said.parse::<DateTime>().ok().or_else(of_day).or_else(of_us);
    said.parse::<Timestamp>().ok().or_else(|| local()?.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|at| at.timestamp()))
}

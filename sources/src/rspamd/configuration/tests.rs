use super::*;

fn told(text: &str) -> Vec<String> {
    let of = |setting: Setting| {
        let SettingClass::GatewayPolicy(class) = setting.class else { return format!("{:?}", setting.class) };
        let entry =
            setting.entry.map(|entry| format!(" {:?} {} {}", entry.says, entry.on, entry.value)).unwrap_or_default();
        let when: Vec<String> = setting
            .conditions
            .iter()
            .map(|one| format!(" if {:?} {}={}", one.on, one.name, one.values.join("|")))
            .collect();
        let off = if setting.effect == Effect::Off { " off" } else { "" };
        format!("{class} {}{entry}{}{off}", setting.name, when.concat())
    };
    let mut found = Vec::new();
    for part in parts(text) {
        match part.says {
            Says::Settings(settings) => found.extend(settings.into_iter().map(of)),
            Says::PassedOver(_) => found.push("passed over".to_owned()),
            Says::Torn { found: what, .. } => found.push(format!("torn {what}")),
        }
    }
    found
}

#[test]
fn ok_parts() {
    for (name, text, expected) in [
        (
            "a list that lets in before all checks",
            "TRUSTED { type = \"ip\"; map = [\"192.0.2.0/24\"]; prefilter = true; action = \"accept\"; }",
            vec!["multimap TRUSTED Allow connecting address 192.0.2.0/24 if SourceAddress ip=192.0.2.0/24"],
        ),
        (
            "points by the domain of the sender",
            "multimap { W { type = from; filter = \"email:domain\"; map = \"/etc/rspamd/w.map\"; symbol = \"W_DOMAIN\"; score = -6.0 } }",
            vec!["multimap W_DOMAIN Allow domain /etc/rspamd/w.map if SenderDomain from=/etc/rspamd/w.map"],
        ),
        (
            "points against",
            "B { type = \"rcpt\"; map = \"/m\"; score = 5; enabled = false }",
            vec!["multimap B Block recipient /m if Recipient rcpt=/m off"],
        ),
        (
            "the author's domain",
            "B { type = \"header\"; header = \"From\"; filter = \"email:domain\"; map = \"/m\"; }",
            vec!["multimap B Other(\"symbol\") header /m if Other header (From)=/m"],
        ),
        (
            "a rule of settings",
            "partner { priority = 5; from = \"@partner.example\"; rcpt = [\"bob@example.com\"]; apply { actions { reject = 30 } symbols_disabled = [\"DMARC_POLICY_REJECT\"]; } }",
            vec!["settings partner if Sender from=@partner.example if Recipient rcpt=bob@example.com"],
        ),
        (
            "domains that are believed by a proof",
            "rules { W_DKIM { valid_dkim = true; domains = [\"partner.example\"]; score = -2 } }",
            vec!["whitelist W_DKIM Allow domain partner.example if SenderDomain domains=partner.example"],
        ),
        (
            "a forced action",
            "force_actions { rules { LET { action = \"no action\"; expression = \"IS_PARTNER\"; } } }",
            vec!["force_actions LET"],
        ),
        ("thresholds", "actions { reject = 150; add_header = 60 }", vec!["actions reject", "actions add_header"]),
        (
            "thresholds in their own file",
            "reject = 150;\ngreylist = null;\n",
            vec!["actions reject", "actions greylist"],
        ),
        (
            "points of a symbol",
            "symbols { \"DMARC_POLICY_REJECT\" { weight = 0 } }",
            vec!["symbol DMARC_POLICY_REJECT"],
        ),
        (
            "whom a module leaves alone",
            "greylist { whitelisted_ip = \"/etc/rspamd/ips.map\"; timeout = 5min }",
            vec!["greylist.whitelisted_ip greylist.whitelisted_ip if SourceAddress whitelisted_ip=/etc/rspamd/ips.map"],
        ),
        ("a module that is switched off", "dmarc { enabled = false }", vec!["dmarc dmarc off"]),
        (
            "our own networks",
            "options { local_addrs = [192.0.2.0/24, \"2001:db8::/32\"] }",
            vec!["local_addrs local_addrs if SourceAddress local_addrs=192.0.2.0/24|2001:db8::/32"],
        ),
        (
            "JSON",
            "{\"multimap\": {\"A\": {\"type\": \"ip\", \"map\": \"/m\", \"score\": -1}}}",
            vec!["multimap A Allow connecting address /m if SourceAddress ip=/m"],
        ),
        ("something else", "logging { level = info }", vec!["passed over"]),
        (
            "torn",
            "A { type = \"ip\"; map = \"/m\" }\nbroken\n",
            vec!["multimap A Other(\"symbol\") connecting address /m if SourceAddress ip=/m", "torn `broken`"],
        ),
    ] {
        assert_eq!(told(text), expected, "{name}");
    }
}

#[test]
fn ok_recognised() {
    for (name, text, expected) in [
        ("a rule of a list", "A { type = \"ip\"; map = \"/m\"; }", true),
        ("a dump", "*** Section actions ***\nreject = 15;\n\n*** End of section actions ***\n", true),
        ("thresholds", "reject = 15;\nadd_header = 6;\n", true),
        ("a threshold of something else", "reject = 15\nname = x\n", false),
        ("JSON of something else", "{\"settings\": {\"a\": 1}, \"rules\": [{\"action\": \"reject\"}]}", false),
        ("a list of JSON", "[{\"type\": \"x\", \"map\": \"y\"}]", false),
        ("a style sheet", "body { type: x; color: red }", false),
        ("prose", "please reject the map", false),
        ("nothing", "", false),
    ] {
        assert_eq!(is_configuration(text), expected, "{name}");
    }
    for (name, text, expected) in [
        ("named", "# rspamd map of partners\npartner.example\nann@b.example -5\n", true),
        ("not named", "# partners\npartner.example\n", false),
        ("named prose", "# rspamd map\nthis is prose\n", false),
        ("only its name", "# rspamd map\n", false),
    ] {
        assert_eq!(is_named_list(text), expected, "{name}");
    }
}

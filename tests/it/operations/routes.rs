//! Who is told of what, as Alertmanager's own program says.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::documents::read;
use crate::operations::programs::{prometheus, run};
use crate::operations::rules::{Rule, rules};

#[test]
fn alertmanager_takes_its_settings() {
    let Some(folder) = prometheus() else {
        return;
    };
    let said = run(&folder, "amtool", &["check-config", "alertmanager.yml"]);
    assert!(said.contains("SUCCESS"), "{said}");
}

#[test]
fn every_alert_goes_to_those_whom_its_severity_names() {
    let Some(folder) = prometheus() else {
        return;
    };
    for rule in rules().iter().filter(|rule| !rule.alert.is_empty()) {
        let receiver = match rule.label("severity") {
            "critical" => "pages",
            "warning" => "tickets",
            "none" => "dead-mans-switch",
            other => panic!("{} has the severity {other}", rule.alert),
        };
        let labels = [
            format!("alertname={}", rule.alert),
            format!("severity={}", rule.label("severity")),
            "instance=127.0.0.1:8787".to_owned(),
        ];
        let verify = format!("--verify.receivers={receiver}");
        let mut arguments = vec!["config", "routes", "test", "--config.file=alertmanager.yml"];
        arguments.push(&verify);
        arguments.extend(labels.iter().map(String::as_str));
        run(&folder, "amtool", &arguments);
    }
}

#[test]
fn what_keeps_alerts_silent_names_alerts_that_there_are() {
    let all = rules();
    let alerts: BTreeSet<&str> = all.iter().map(|rule| rule.alert.as_str()).collect();
    let settings: Value = serde_saphyr::from_str(&read("prometheus/alertmanager.yml")).unwrap();
    let mut named = 0;
    for rule in settings["inhibit_rules"].as_array().unwrap() {
        for side in ["source_matchers", "target_matchers"] {
            for matcher in rule[side].as_array().unwrap() {
                let matcher = matcher.as_str().unwrap();
                let Some(listed) = matcher.strip_prefix("alertname") else {
                    continue;
                };
                for name in listed.split('"').nth(1).unwrap().split('|') {
                    assert!(alerts.contains(name), "there is no alert {name}");
                    named += 1;
                }
            }
        }
    }
    assert!(named > 10, "{named} alerts are named");
}

#[test]
fn the_dead_mans_switch_is_told_without_a_pause() {
    let all = rules();
    let switch = |rule: &&Rule| rule.label("severity") == "none";
    let names: Vec<_> = all.iter().filter(switch).map(|rule| &rule.alert).collect();
    assert_eq!(names, ["Watchdog"]);
    let settings: Value = serde_saphyr::from_str(&read("prometheus/alertmanager.yml")).unwrap();
    let route = &settings["route"]["routes"][0];
    assert_eq!(route["receiver"], "dead-mans-switch");
    assert_eq!(route["group_interval"], "1m");
    // Less than that, or it would be due a moment after every second round only.
    assert_eq!(route["repeat_interval"], "50s");
}

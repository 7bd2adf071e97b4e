//! Needs of a call beyond the wall: each is judged, shown and allowed by itself.

use std::path::Path;

use navi::policy::model::{Danger, Judgement, Verdict};
use navi::policy::service::Policy;
use navi::policy::wall::setting::{PolicySetting, PolicyWall};
use navi::tools::arguments::Arguments;
use navi::tools::commands::run_command::RunCommandCall;
use navi::tools::commands::start_server::StartServerCall;
use navi::tools::context::ToolLimits;
use navi::tools::registry::ToolSet;
use serde_json::{Map, Value, json};

use crate::policy::{POLICY, judge_by};

fn call(command: &str, needs: &Value) -> Map<String, Value> {
    let call = json!({ "command": command, "needs": needs });
    call.as_object().unwrap().clone()
}

fn judged(policy: &Policy, needs: &Value, root: &Path) -> Judgement {
    judge_by(policy, "run_command", &call("ls", needs), root)
}

fn rules(judgement: &Judgement) -> Vec<&str> {
    let rules = judgement.findings.iter();
    rules.map(|found| found.rule.as_str()).collect()
}

#[test]
fn every_wish_is_asked_about_under_every_setting() {
    let space = tempfile::tempdir().unwrap();
    let needs = json!({
        "hosts": ["example.com:443", "8.8.8.8:53"],
        "folders": ["/nowhere/shared"],
        "ports": [3000],
    });
    for setting in [PolicySetting::Strict, PolicySetting::Sandboxed] {
        let policy = POLICY.clone().under(setting);
        let judgement = judged(&policy, &needs, space.path());
        assert_eq!(judgement.verdict, Verdict::Ask);
        assert!(!judgement.reads_only);
        let told: Vec<_> = judgement
            .findings
            .iter()
            .map(|found| (found.rule.as_str(), found.why.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                (
                    "wall-host",
                    "This lets the command reach example.com:443 beyond the wall, for this one call."
                ),
                (
                    "wall-host",
                    "This lets the command reach 8.8.8.8:53 beyond the wall, for this one call."
                ),
                (
                    "wall-folder",
                    "This lets the command read and write /nowhere/shared beyond the wall, for this one call."
                ),
                (
                    "wall-port",
                    "This lets programs of this machine reach port 3000 of the run."
                ),
            ]
        );
    }
}

#[test]
fn a_wish_for_the_whole_run_says_so() {
    let space = tempfile::tempdir().unwrap();
    let needs = json!({ "hosts": ["example.com"], "folders": ["/nowhere/shared"], "for": "run" });
    let judgement = judged(&POLICY, &needs, space.path());
    assert_eq!(judgement.verdict, Verdict::Ask);
    assert_eq!(rules(&judgement), ["wall-host-run", "wall-folder-run"]);
    let closed = json!({ "hosts": ["localhost:1"], "folders": ["/"], "for": "run" });
    let judgement = judged(&POLICY, &closed, space.path());
    assert_eq!(judgement.verdict, Verdict::Forbid);
}

#[test]
fn a_wall_that_cannot_tell_hosts_apart_says_that_it_opens_all() {
    let space = tempfile::tempdir().unwrap();
    let needs = json!({ "hosts": ["example.com:443"] });
    let behind = |wall| {
        let policy = POLICY.clone().behind(PolicySetting::Strict, wall).unwrap();
        judged(&policy, &needs, space.path()).findings.remove(0)
    };
    let (all, one) = (
        behind(PolicyWall::WithoutHosts),
        behind(PolicyWall::Sandbox),
    );
    let said = "This lets the command reach example.com:443, and with it the whole network of this \
                machine, beyond the wall, for this one call.";
    assert_eq!(all.why, said);
    // A yes for good to one host is none to all of them.
    assert_ne!(all.scope.unwrap().digest(), one.scope.unwrap().digest());
}

#[test]
fn a_credential_is_asked_about_under_every_setting() {
    let space = tempfile::tempdir().unwrap();
    let needs = json!({ "credentials": ["ssh-agent git.example", "git-token git.example:8443"] });
    for setting in [PolicySetting::Strict, PolicySetting::Sandboxed] {
        let policy = POLICY.clone().under(setting);
        let judgement = judged(&policy, &needs, space.path());
        assert_eq!(judgement.verdict, Verdict::Ask);
        let told: Vec<_> = judgement
            .findings
            .iter()
            .map(|it| it.why.as_str())
            .collect();
        assert_eq!(
            told,
            [
                "This lets git sign in at git.example:22 with your SSH agent, for this one call.",
                "This lets git use your token for git.example:8443, which all that the command runs \
                 can read meanwhile, for this one call.",
            ]
        );
        // A yes for good is for this very call.
        assert!(
            judgement
                .findings
                .iter()
                .all(|it| it.danger == Danger::Critical)
        );
    }
}

#[test]
fn a_wish_does_not_excuse_what_the_command_does() {
    let space = tempfile::tempdir().unwrap();
    let call = call("rm -rf /", &json!({ "hosts": ["example.com:443"] }));
    let judgement = judge_by(&POLICY, "run_command", &call, space.path());
    assert_eq!(judgement.verdict, Verdict::Forbid);
    assert!(rules(&judgement).contains(&"wall-host"));
    // A command that would be rewritten to a search is not, because it asks for more than a search.
    let call = self::call("find . -name '*.tsx'", &json!({ "ports": [3000] }));
    let judgement = judge_by(&POLICY, "run_command", &call, space.path());
    assert!(judgement.rewrite.is_none());
}

#[test]
fn this_machine_and_its_networks_stay_closed_by_whatever_name() {
    let space = tempfile::tempdir().unwrap();
    for host in [
        "localhost:5432",
        "LOCALHOST",
        "app.localhost:80",
        "127.0.0.1:8787",
        "127.1:80",
        "2130706433:80",
        "0x7f000001:80",
        "0177.0.0.1:80",
        "0.0.0.0:80",
        "10.1.2.3:22",
        "172.16.0.1:80",
        "192.168.1.1:80",
        "100.64.0.1:80",
        "169.254.169.254:80",
        "[::1]:80",
        "[::ffff:127.0.0.1]:80",
        "[fe80::1]:80",
        "[fd00:ec2::254]:80",
        "[64:ff9b::a9fe:a9fe]:80",
        "metadata.google.internal:80",
        "printer.local:80",
        "db:5432",
        "router.lan:80",
        "api.svc.cluster.local.:80",
    ] {
        let judgement = judged(&POLICY, &json!({ "hosts": [host] }), space.path());
        assert_eq!(rules(&judgement), ["wall-host-closed"], "{host}");
        assert_eq!(judgement.verdict, Verdict::Forbid, "{host}");
    }
}

#[test]
fn folders_of_keys_of_the_server_and_of_others_stay_closed() {
    let base = tempfile::tempdir().unwrap();
    let base = base.path().canonicalize().unwrap();
    for folder in [
        "space",
        "data/inner",
        "person/.ssh",
        "person/team",
        "shared",
    ] {
        std::fs::create_dir_all(base.join(folder)).unwrap();
    }
    std::os::unix::fs::symlink("person/.ssh", base.join("keys")).unwrap();
    std::os::unix::fs::symlink("../../data", base.join("person/team/link")).unwrap();
    std::os::unix::fs::symlink("shared", base.join("other-name")).unwrap();
    let policy = POLICY.clone().closing(&[base.join("data")], None);
    let of = |folder: &Path| {
        judged(
            &policy,
            &json!({ "folders": [folder] }),
            &base.join("space"),
        )
    };
    for folder in [
        "data",
        "data/inner",
        "",
        "person",
        "person/.ssh",
        "keys",
        "person/team/link",
        "person/team/link/inner/new",
        "person/.config/x",
    ] {
        let judgement = of(&base.join(folder));
        assert_eq!(
            judgement.verdict,
            Verdict::Forbid,
            "{folder}: {judgement:?}"
        );
        assert!(
            rules(&judgement).contains(&"wall-folder-closed"),
            "{folder}"
        );
    }
    for folder in [
        "/",
        "/home",
        "/home/ada",
        "/root",
        "/etc/x",
        "/proc/self",
        "/run/docker.sock",
        "/tmp",
    ] {
        assert_eq!(of(Path::new(folder)).verdict, Verdict::Forbid, "{folder}");
    }
    assert_eq!(rules(&of(&base.join("person/team"))), ["wall-folder"]);
    // A person sees where a link leads.
    let judgement = of(&base.join("other-name"));
    let shared = base.join("shared");
    assert!(judgement.findings[0].why.contains(shared.to_str().unwrap()));
}

#[test]
fn a_folder_of_the_workspace_opens_no_protected_file_unseen() {
    let base = tempfile::tempdir().unwrap();
    let base = base.path().canonicalize().unwrap();
    std::fs::create_dir_all(base.join("space/.git/hooks")).unwrap();
    for folder in ["space", "space/.git", "space/.git/hooks", "space/.navi"] {
        let needs = json!({ "folders": [base.join(folder)] });
        let judgement = judged(&POLICY, &needs, &base.join("space"));
        let named = rules(&judgement);
        let protected = named
            .iter()
            .any(|rule| ["git-internals", "navi-file"].contains(rule));
        assert!(protected, "{folder}: {named:?}");
    }
}

#[test]
fn a_consent_is_for_the_command_with_its_needs() {
    let tools = ToolSet::built_in();
    let hash = |arguments: &Map<String, Value>| {
        let request = tools.named("run_command").unwrap();
        let request = request.request(Arguments::of(arguments));
        let root = Path::new("/a");
        POLICY.action("run_command", request, arguments, root).hash
    };
    let one = json!({ "hosts": ["example.com:443"] });
    let first = hash(&call("make", &one));
    assert_eq!(first, hash(&call("make", &one)));
    for other in [
        call("make", &Value::Null),
        call("make", &json!({ "hosts": ["example.com:80"] })),
        call("make", &json!({ "hosts": ["example.org:443"] })),
        call(
            "make",
            &json!({ "hosts": ["example.com:443"], "ports": [3000] }),
        ),
        call("make test", &one),
    ] {
        assert_ne!(first, hash(&other), "{other:?}");
    }
}

#[test]
fn what_is_allowed_for_good_is_this_wish_for_this_command() {
    let space = tempfile::tempdir().unwrap();
    let scope = |command: &str, cwd: &str, host: &str| {
        let mut call = call(command, &json!({ "hosts": [host] }));
        call.insert("cwd".to_owned(), json!(cwd));
        let judgement = judge_by(&POLICY, "run_command", &call, space.path());
        judgement.findings[0].scope.clone().unwrap().digest()
    };
    let first = scope("make", ".", "example.com:443");
    assert_eq!(first, scope("make", "", "example.com:443"));
    for other in [
        scope("make test", ".", "example.com:443"),
        scope("make", "web", "example.com:443"),
        scope("make", ".", "example.com:80"),
        scope("make", ".", "other.example.com:443"),
    ] {
        assert_ne!(first, other);
    }
}

#[test]
fn a_call_whose_needs_cannot_be_read_is_refused() {
    let parsed = |needs: &Value| {
        let call = call("ls", needs);
        RunCommandCall::parse(Arguments::of(&call), &ToolLimits::default())
    };
    let told = parsed(&json!({ "hosts": ["https://example.com"] })).unwrap_err();
    let said = "the argument `needs` cannot be used: hosts: `https://example.com` is not NAME:PORT";
    assert_eq!(told.to_string(), said);
    assert!(parsed(&json!("everything")).is_err());
    let read = parsed(&json!({ "hosts": ["example.com"] })).unwrap();
    assert_eq!(read.widening.hosts[0].to_string(), "example.com:443");
    assert!(parsed(&Value::Null).unwrap().widening.is_empty());
    let mut server = call("npm run dev", &json!({ "ports": [3000] }));
    server.insert("port".to_owned(), json!(3000));
    let server = StartServerCall::parse(Arguments::of(&server)).unwrap();
    assert_eq!(server.widening.ports, [3000]);
}

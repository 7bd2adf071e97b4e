//! Limits of what a repository and the commands of a run can get at.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use navi::config::settings::Config;
use navi::policy::model::{Judgement, Verdict};
use navi::policy::request::Request;
use navi::policy::service::Policy;
use serde_json::{Value, json};
use sqlx::PgPool;
use tempfile::TempDir;

use crate::runs::stage::{calls, says, script};
use crate::support::served::{Place, url};

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A value that looks random; no secret stands in this file.
fn noise(length: usize) -> String {
    let letters: Vec<char> = ('a'..='z').chain('0'..='9').chain('A'..='Z').collect();
    let mut at = 11_usize;
    let mut next = || {
        at = (at * 1_103_515_245 + 12_345) % 2_147_483_648;
        letters[(at >> 8) % letters.len()]
    };
    std::iter::repeat_with(&mut next).take(length).collect()
}

fn read(policy: &Policy, root: &Path, path: &str) -> Judgement {
    policy.judge("read_file", Request::Read { path }, root)
}

fn command(policy: &Policy, root: &Path, text: &str) -> Judgement {
    let request = Request::Command {
        text,
        directory: "",
        in_background: false,
        needs: None,
    };
    policy.judge("run_command", request, root)
}

#[test]
fn a_file_that_holds_a_secret_is_asked_about_whatever_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let policy = Policy::built_in().unwrap();
    let key = format!(
        "# notes\n-----BEGIN {0} KEY-----\n{1}\n-----END {0} KEY-----\n",
        "PRIVATE",
        noise(128)
    );
    write(folder.path(), "notes.md", &key);
    write(
        folder.path(),
        "src/app.py",
        &format!("api_secret = \"{}\"\n", noise(40)),
    );
    write(folder.path(), "src/main.py", "secret = load_secret(name)\n");
    symlink("notes.md", folder.path().join("innocent.txt")).unwrap();
    for path in [
        "notes.md",
        "src/app.py",
        "innocent.txt",
        "./src/../notes.md",
    ] {
        let judged = read(&policy, folder.path(), path);
        assert_eq!(judged.verdict, Verdict::Ask, "{path}");
        assert_eq!(judged.findings[0].rule, "holds-secret", "{path}");
        let shown = command(&policy, folder.path(), &format!("cat {path}"));
        assert_eq!(shown.verdict, Verdict::Ask, "cat {path}");
        // An edit shows what stands around it, and one that fits nowhere what is like it.
        let edited = policy.judge("edit_file", Request::Write { path }, folder.path());
        assert_eq!(edited.verdict, Verdict::Ask, "edit_file {path}");
    }
    let edited = Request::Write {
        path: "src/main.py",
    };
    let edited = policy.judge("edit_file", edited, folder.path());
    assert_eq!(edited.verdict, Verdict::Allow);
    assert_eq!(
        read(&policy, folder.path(), "src/main.py").verdict,
        Verdict::Allow
    );
    assert_eq!(
        read(&policy, folder.path(), "src/none.py").verdict,
        Verdict::Allow
    );
}

#[test]
fn every_file_of_a_workspace_in_a_place_of_secrets_is_asked_about() {
    let home = tempfile::tempdir().unwrap();
    let policy = Policy::built_in().unwrap();
    for place in [".kube", ".config/gh", ".docker", ".ssh", ".aws", ".gnupg"] {
        write(home.path(), &format!("{place}/notes"), "nothing");
        let root = home.path().join(place);
        let judged = read(&policy, &root, "notes");
        assert_eq!(judged.verdict, Verdict::Ask, "{place}");
        assert_eq!(
            command(&policy, &root, "cat notes").verdict,
            Verdict::Ask,
            "{place}"
        );
    }
    write(home.path(), "code/notes", "nothing");
    let judged = read(&policy, &home.path().join("code"), "notes");
    assert_eq!(judged.verdict, Verdict::Allow);
}

/// A workspace beside the data folder of a server.
struct Beside {
    folder: TempDir,
    policy: Policy,
}

impl Beside {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "space/src/main.rs", "fn main() {}\n");
        write(folder.path(), "navi-data/jwt-secret", "x");
        let data = folder.path().join("navi-data");
        let home = Some(folder.path());
        let policy = Policy::built_in().unwrap().closing(&[data], home);
        Self { folder, policy }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("space")
    }
}

#[test]
fn the_servers_data_are_forbidden_under_every_spelling() {
    let beside = Beside::new();
    let base = beside.folder.path().to_str().unwrap();
    symlink("../navi-data", beside.root().join("link")).unwrap();
    for text in [
        format!("cat {base}/navi-data/jwt-secret"),
        format!("cat {base}//navi-data/./jwt-secret"),
        format!("cat {base}/space/../navi-data/jwt-secret"),
        "cat ../navi-data/jwt-secret".to_owned(),
        "cd ..; cat navi-data/jwt-secret".to_owned(),
        "cat link/jwt-secret".to_owned(),
        "cat ../navi-d*/jwt-secret".to_owned(),
        "cat ../navi-dat?/*".to_owned(),
        format!("x={base}/navi-data; cat $x/jwt-secret"),
        format!("bash -c 'cat {base}/navi-data/jwt-secret'"),
        format!("env cat {base}/navi-data/jwt-secret"),
        format!("cp -r {base}/navi-data copy"),
        format!("tar -c -f all.tar {base}"),
        format!("grep -rn x {base}/navi-data"),
        format!("echo x > {base}/navi-data/jwt-secret"),
        format!("rm -rf {base}/navi-data"),
        format!("python3 -c \"print(open('{base}/navi-data/jwt-secret').read())\""),
        format!("< {base}/navi-data/jwt-secret cat"),
        // Over links of processes and of the workspace, which lead elsewhere than their text.
        "cat /proc/self/cwd/../navi-data/jwt-secret".to_owned(),
        format!("cat /proc/self/root{base}/navi-data/jwt-secret"),
        "cat /dev/fd/../cwd/../navi-data/jwt-secret".to_owned(),
        "cat link/../navi-data/jwt-secret".to_owned(),
        // From the home folder.
        "cat ~/navi-data/jwt-secret".to_owned(),
        "cat $HOME/navi-data/jwt-secret".to_owned(),
        "cat ~/space/../navi-data/jwt-secret".to_owned(),
        format!("HOME={base}; cat ~/navi-data/jwt-secret"),
        // As patterns, braces, and pieces that are not known.
        "cat ../navi-{data,x}/jwt-secret".to_owned(),
        "cat ../[n]avi-data/*".to_owned(),
        "cat ../*/jwt-secret".to_owned(),
        "x=navi; x=${x}-data; cat ../$x/jwt-secret".to_owned(),
        "cat ../$(ls .. | head -1)/jwt-secret".to_owned(),
        "cat \"${PWD%/*}/navi-data/jwt-secret\"".to_owned(),
        "cat $(dirname $PWD)/navi-data/jwt-secret".to_owned(),
        "read x <<< ../navi-data; cat $x/jwt-secret".to_owned(),
        "for d in ../*; do cat $d/jwt-secret; done".to_owned(),
        "ls .. | xargs -I{} cat ../{}/jwt-secret".to_owned(),
        format!("find {base} -maxdepth 2 -name 'jwt*' | xargs cat"),
        format!("find {base} -maxdepth 2 -exec cat {{}} +"),
        // By programs that are not known to read.
        "python3 -c 'print(open(\"../navi-data/jwt-secret\").read())'".to_owned(),
        "python3 -c 'import os; os.chdir(\"..\"); open(\"navi-data/jwt-secret\")'".to_owned(),
        "node -e 'require(\"fs\").readFileSync(\"../navi-data/jwt-secret\")'".to_owned(),
        "awk 'BEGIN{getline l < \"../navi-data/jwt-secret\"; print l}'".to_owned(),
        "sed 'r ../navi-data/jwt-secret' src/main.rs".to_owned(),
        "xargs -a ../navi-data/jwt-secret echo".to_owned(),
        "bash ../navi-data/jwt-secret".to_owned(),
        "source ../navi-data/jwt-secret".to_owned(),
        "env -C ../navi-data cat jwt-secret".to_owned(),
        "git -C ../navi-data status".to_owned(),
        "git diff --no-index /dev/null ../navi-data/jwt-secret".to_owned(),
        "exiftool ../navi-data/jwt-secret".to_owned(),
        "frobnicate --input=../navi-data/jwt-secret".to_owned(),
        "docker run -v $PWD/..:/x image cat /x/navi-data/jwt-secret".to_owned(),
        "ls ../navi-data".to_owned(),
        "stat ../navi-data/jwt-secret".to_owned(),
        "test -f ../navi-data/jwt-secret".to_owned(),
        "tree ..".to_owned(),
        "ls -R ..".to_owned(),
        "exec 3< ../navi-data/jwt-secret; cat <&3".to_owned(),
        "while read x; do echo $x; done < ../navi-data/jwt-secret".to_owned(),
    ] {
        let judged = command(&beside.policy, &beside.root(), &text);
        assert_eq!(judged.verdict, Verdict::Forbid, "{text}");
        assert!(
            judged
                .findings
                .iter()
                .any(|found| found.rule == "server-data"),
            "{text}"
        );
    }
    for text in [
        "cat src/main.rs",
        "cat /etc/hostname",
        "ls",
        "ls ..",
        "cat ../README.md",
        "cat ~/notes",
        "cd ..; ls space",
        "cat $x/README.md",
        "for f in src/*; do cat $f; done",
        "python3 -c 'print(open(\"src/main.rs\").read())'",
        "docker run -v $PWD:/x image",
        "mkdir -p /tmp/x",
    ] {
        let judged = command(&beside.policy, &beside.root(), text);
        assert!(
            judged
                .findings
                .iter()
                .all(|found| found.rule != "server-data"),
            "{text}"
        );
    }
}

#[test]
fn the_files_with_the_servers_secrets_are_its_own() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "space/src/main.rs", "fn main() {}\n");
    write(folder.path(), "private/url", "x");
    let mut config = Config::from_flags([]).unwrap();
    config.surroundings.secret_files = vec![folder.path().join("private/url")];
    let closed = config.workspace_rules().closed;
    let policy = Policy::built_in().unwrap().closing(&closed, None);
    let root = folder.path().join("space");
    for text in [
        "cat ../private/url",
        "cp -r ../private copy",
        "echo x > ../private/url",
        "rm -rf ../private",
    ] {
        let judged = command(&policy, &root, text);
        assert_eq!(judged.verdict, Verdict::Forbid, "{text}");
    }
    let judged = command(&policy, &root, "cat ../private/notes");
    assert_eq!(judged.verdict, Verdict::Allow);
}

#[test]
fn what_shows_the_insides_of_other_processes_is_asked_about() {
    let folder = tempfile::tempdir().unwrap();
    let policy = Policy::built_in().unwrap();
    for text in [
        "cat /proc/123/environ",
        "cat /proc/123/envir*",
        "cat /proc/[0-9]*/environ",
        "cat /proc/123/task/123/environ",
        "xargs -0 -a /proc/123/environ",
        "find /proc -maxdepth 2 -name environ -exec cat {} +",
        "ps e",
        "ps auxe",
        "ps eww",
        "gdb -p 123",
        "gcore 123",
        "strace -fp 123",
        "ltrace -p 123",
        "cat /run/credentials/navi.service/url",
        "systemctl show navi -p Environment",
    ] {
        let judged = command(&policy, folder.path(), text);
        assert_eq!(judged.verdict, Verdict::Ask, "{text}");
    }
    for text in ["ps aux", "ps -ef", "strace -s 99 ls", "cat /proc/cpuinfo"] {
        let judged = command(&policy, folder.path(), text);
        assert_eq!(judged.verdict, Verdict::Allow, "{text}");
    }
}

/// Posts to the server that runs it, as a script of the repository could, and prints the answer.
const PROBE: &str = r#"
import sys, urllib.request, urllib.error
url, token = open("where").read().split()
body = b'{"message": "do more"}'
for path in ["/api/navi/prompt/x", "/api/navi/consent/x", "/api/jobs"]:
    request = urllib.request.Request(url + path, body, {
        "Authorization": "Bearer " + token, "Content-Type": "application/json"})
    try:
        print(urllib.request.urlopen(request).status)
    except urllib.error.HTTPError as error:
        print(error.code, error.read().decode())
"#;

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_process_of_a_run_cannot_answer_in_place_of_a_person(db: PgPool) {
    let run = json!({ "command": "make" });
    let script = script([calls(&[("run_command", run)]), says("Done.")]);
    let place = Place::new(&script, Some(&url(&db.connect_options())));
    // Within the wall it would not reach the server at all.
    let served = place.serve(&["--sandbox", "off"]).await;
    let workspace = served.workspace();
    write(&workspace, "probe.py", PROBE);
    write(&workspace, "Makefile", "probe:\n\t@python3 probe.py\n");
    write(
        &workspace,
        "where",
        &format!("{} {}", served.url, served.token),
    );
    let mut stream = served.begin("probe").await;
    stream.rest().await;
    let results: Vec<&Value> = stream
        .frames
        .iter()
        .map(|frame| &frame.data)
        .filter(|event| event["type"] == "tool_result")
        .collect();
    let text = results[0].to_string();
    assert_eq!(text.matches("answered-by-a-run").count(), 3, "{text}");
    let runs: i64 = sqlx::query_scalar("select count(*) from runs")
        .fetch_one(&db)
        .await
        .unwrap();
    assert_eq!(runs, 1, "a refused job was begun");
    // The same from a process that no run started is answered by the route.
    let (status, answer) = served.post("/api/navi/prompt/x", &json!({})).await;
    assert_ne!(status, 403, "{answer}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_run_does_not_read_the_files_of_the_servers_secrets(db: PgPool) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "key", "planted-key-of-a-webhook\n");
    let file = folder.path().join("key").display().to_string();
    let run = json!({ "command": format!("cat {file}") });
    let read = json!({ "path": file });
    let turns = [
        calls(&[("run_command", run)]),
        calls(&[("read_file", read)]),
        says("Done."),
    ];
    let place = Place::new(&script(turns), Some(&url(&db.connect_options())));
    let served = place.serve(&["--github-webhook-secret-file", &file]).await;
    let mut stream = served.begin("look").await;
    stream.rest().await;
    let seen: String = stream.frames.iter().map(|it| it.data.to_string()).collect();
    assert!(seen.contains("tool_result"), "{seen}");
    assert!(!seen.contains("planted-key"), "{seen}");
    assert!(
        seen.contains("data folder") || seen.contains("server"),
        "{seen}"
    );
}

//! Credentials that a person lends to one command of git: a real agent, a real `sshd`, a real server of
//! repositories over HTTPS, and commands that want more than they were lent.

#![expect(clippy::print_stdout, reason = "a test says when it did nothing")]

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use navi::exec::credentials::settings::{CredentialConfig, RunCredentials};
use navi::exec::sandbox::machine::Sandbox;
use navi::exec::sandbox::wall::Tier;
use navi::platform::secret::SecretString;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::sandbox::machine::{outside, script};
use crate::tools::{Bench, eventually, sandbox};

/// The token of the host, and one of another.
const TOKEN: &str = "a-lent-word-of-sixteen";
const OTHER: &str = "another-word-of-no-use";

/// Ends with the test.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = outside(program).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?} {output:?}"
    );
    String::from_utf8(output.stdout).unwrap()
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// A person with an agent that holds a key, and two machines that let that key in.
struct Person {
    folder: TempDir,
    agent: PathBuf,
    port: u16,
    other_port: u16,
    _running: Vec<Ending>,
}

impl Person {
    /// None where there is no server of SSH.
    async fn new() -> Option<Self> {
        let program = sshd_program()?;
        // Not beneath `/tmp`, which is another folder for commands that have namespaces.
        let folder = tempfile::tempdir_in("/var/tmp").unwrap();
        let home = folder.path().join("home/.ssh");
        std::fs::create_dir_all(&home).unwrap();
        let (key, agent) = (home.join("id_ed25519"), folder.path().join("agent"));
        run(
            "ssh-keygen",
            &["-q", "-t", "ed25519", "-N", "", "-f", &text(&key)],
        );
        let mut command = outside("ssh-agent");
        command
            .args(["-D", "-a", &text(&agent)])
            .stdout(Stdio::null());
        let mut running = vec![Ending(command.spawn().unwrap())];
        eventually("it listens", || agent.exists()).await;
        let mut add = outside("ssh-add");
        add.arg(&key).env("SSH_AUTH_SOCK", &agent);
        assert!(add.output().unwrap().status.success());
        let (port, other_port) = (free(), free());
        let mut known = String::new();
        for (sort, port) in [("ed25519", port), ("ecdsa", other_port)] {
            let host_key = folder.path().join(format!("host_{port}"));
            run(
                "ssh-keygen",
                &["-q", "-t", sort, "-N", "", "-f", &text(&host_key)],
            );
            let public = std::fs::read_to_string(host_key.with_extension("pub")).unwrap();
            known = format!("{known}[localhost]:{port} {public}");
            running.push(sshd(&program, &host_key, &key.with_extension("pub"), port).await);
        }
        std::fs::write(home.join("known_hosts"), known).unwrap();
        run(
            "git",
            &[
                "init",
                "-q",
                "--bare",
                &text(&folder.path().join("bare.git")),
            ],
        );
        Some(Self {
            folder,
            agent,
            port,
            other_port,
            _running: running,
        })
    }

    fn credentials(&self) -> RunCredentials {
        let config = CredentialConfig {
            ssh_agent: vec!["acme".to_owned()],
            socket: Some(self.agent.clone()),
            tokens: None,
        };
        config.of("acme").unwrap()
    }

    fn bench(&self, sandbox: &Sandbox) -> Bench {
        let hosts = format!(
            "localhost:{}=private,localhost:{}=private",
            self.port, self.other_port
        );
        let home = self.folder.path().join("home");
        let bench = Bench::within(sandbox).borrowing(sandbox, &hosts, self.credentials(), &home);
        repository(bench.root());
        bench
    }

    fn remote(&self) -> String {
        let user = run("id", &["-un"]);
        let bare = self.folder.path().join("bare.git");
        format!(
            "ssh://{}@localhost:{}{}",
            user.trim(),
            self.port,
            bare.display()
        )
    }

    /// The public keys that the agent holds.
    fn keys(&self) -> String {
        let mut list = outside("ssh-add");
        let listed = list.arg("-L").env("SSH_AUTH_SOCK", &self.agent).output();
        String::from_utf8(listed.unwrap().stdout).unwrap()
    }

    fn needs(&self) -> Value {
        json!({ "credentials": [format!("ssh-agent localhost:{}", self.port)] })
    }
}

/// The server of SSH that a setting names; without one, what needs it is not run.
fn sshd_program() -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the script that runs the tests names the server"
    )]
    let named = std::env::var("NAVI_SSHD").ok();
    if named.is_none() {
        println!("not run: NAVI_SSHD names no sshd; scripts/sshd.sh finds or unpacks it");
    }
    named
}

async fn sshd(program: &str, host_key: &Path, authorized: &Path, port: u16) -> Ending {
    // It wants this one for itself, and nothing else makes it where no service is set up.
    let _there = std::fs::create_dir_all("/run/sshd");
    let mut command = outside(program);
    command
        .args(["-D", "-e", "-f", "/dev/null", "-h"])
        .arg(host_key);
    for option in [
        format!("Port={port}"),
        "ListenAddress=127.0.0.1".to_owned(),
        format!("AuthorizedKeysFile={}", authorized.display()),
        "PidFile=none".to_owned(),
        "StrictModes=no".to_owned(),
        "UsePAM=no".to_owned(),
        "PasswordAuthentication=no".to_owned(),
    ] {
        command.args(["-o", &option]);
    }
    let started = command.stderr(Stdio::null()).spawn().unwrap();
    let answers = || TcpStream::connect(("127.0.0.1", port)).is_ok();
    eventually("it listens", answers).await;
    Ending(started)
}

fn free() -> u16 {
    let bound = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    bound.local_addr().unwrap().port()
}

/// A repository with a commit, and settings and hooks that want to run.
fn repository(root: &Path) {
    let git = |arguments: &[&str]| {
        let mut all = vec!["-C", root.to_str().unwrap()];
        all.extend(["-c", "user.name=n", "-c", "user.email=e@example.com"]);
        all.extend(arguments);
        run("git", &all);
    };
    git(&["init", "-q", "-b", "main"]);
    git(&["commit", "-q", "--allow-empty", "-m", "first"]);
    git(&["config", "core.sshCommand", "touch evil-ssh; false"]);
    git(&[
        "config",
        "credential.helper",
        "!f() { cat >> evil-helper; }; f",
    ]);
    let hook = root.join(".git/hooks/pre-push");
    std::fs::write(&hook, "#!/bin/sh\nenv > evil-hook\n").unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
}

async fn ran(bench: &Bench, command: &str, needs: &Value) -> Map<String, Value> {
    let call = json!({ "command": command, "needs": needs });
    bench.result("run_command", call).await
}

fn nothing_evil(bench: &Bench) {
    for name in ["evil-ssh", "evil-helper", "evil-hook"] {
        assert!(!bench.root().join(name).exists(), "{name}");
    }
}

fn tiers() -> [Sandbox; 2] {
    let full = sandbox();
    assert_eq!(full.tier(), Tier::Full, "{}", full.describe());
    let weaker = full.weakened(Tier::NoNamespaces, Some(7));
    [full, weaker]
}

#[tokio::test]
async fn git_signs_in_with_a_persons_agent_for_one_command() {
    let Some(person) = Person::new().await else {
        return;
    };
    let [full, weaker] = tiers();
    let bench = person.bench(&full);
    let push = format!("git push {} main", person.remote());
    let pushed = ran(&bench, &push, &person.needs()).await;
    assert_eq!(pushed["exit_code"], 0, "{pushed:#?}");
    let bare = text(&person.folder.path().join("bare.git"));
    assert!(run("git", &["-C", &bare, "log", "--oneline", "main"]).contains("first"));
    nothing_evil(&bench);
    std::fs::remove_file(bench.root().join(".git/hooks/pre-push")).unwrap();
    let unlent = ran(&bench, &push, &Value::Null).await;
    assert_ne!(unlent["exit_code"], 0, "{unlent:#?}");
    // Without namespaces there are no local sockets, and that is said.
    let bench = person.bench(&weaker);
    let call = json!({ "command": push, "needs": person.needs() });
    let told = bench.told("run_command", call).await;
    assert!(
        told.contains("without namespaces no command reaches an SSH agent"),
        "{told}"
    );
}

#[tokio::test]
async fn the_agent_signs_in_at_no_other_host_and_signs_nothing_else() {
    let Some(person) = Person::new().await else {
        return;
    };
    let [full, _] = tiers();
    let bench = person.bench(&full);
    let before = person.keys();
    let sign_in = |port: u16| {
        let ssh = "${GIT_SSH_COMMAND/Checking=yes/Checking=no}";
        // As root's, the command has another user's name.
        let user = run("id", &["-un"]);
        let user = user.trim();
        format!("eval \"{ssh} -l {user} -p {port} localhost echo signed-in\"")
    };
    let there = ran(&bench, &sign_in(person.port), &person.needs()).await;
    assert_eq!(there["stdout"], "signed-in\n", "{there:#?}");
    let elsewhere = ran(&bench, &sign_in(person.other_port), &person.needs()).await;
    assert_eq!(elsewhere["stdout"], "", "{elsewhere:#?}");
    let said = elsewhere["stderr"].to_string();
    assert!(said.contains("Permission denied (publickey"), "{said}");
    let told = elsewhere["sandbox"].to_string();
    assert!(told.contains("signs in at no other host"), "{told}");
    bench.put("letter", "words\n");
    for way in [
        "ssh-add -D",
        "ssh-add -x </dev/null",
        "ssh-keygen -q -t ed25519 -N '' -f new && ssh-add new",
        "ssh-add -L > own.pub && ssh-keygen -Y sign -n file -f own.pub letter",
        "ssh-add -L > own.pub && ssh-keygen -q -s own.pub -U -I id new.pub",
        "ssh-add -L > own.pub && ssh-add -d own.pub",
    ] {
        let tried = ran(&bench, way, &person.needs()).await;
        assert_ne!(tried["exit_code"], 0, "{way}: {tried:#?}");
    }
    assert!(!bench.root().join("letter.sig").exists());
    assert_eq!(person.keys(), before);
}

#[tokio::test]
async fn what_is_left_of_a_command_or_was_there_before_has_no_agent() {
    let Some(person) = Person::new().await else {
        return;
    };
    let [full, _] = tiers();
    let bench = person.bench(&full);
    let watch =
        "(while ! test -e enough; do ls /tmp/navi-lent-* >> seen 2>&1; sleep 0.05; done) & true";
    ran(&bench, watch, &Value::Null).await;
    let stay = "ssh-add -l > during; ls /tmp/navi-lent-* > own; sleep 0.5; \
        (while ! test -e go; do sleep 0.05; done; ssh-add -l > after 2>&1; touch done) & true";
    let stayed = ran(&bench, stay, &person.needs()).await;
    assert_eq!(stayed["exit_code"], 0, "{stayed:#?}");
    bench.put("go", "");
    bench.put("enough", "");
    let done = bench.root().join("done");
    eventually("it tried", || done.exists()).await;
    assert!(bench.content("during").contains("ED25519"));
    assert!(bench.content("own").contains("agent"));
    assert!(
        !bench.content("after").contains("ED25519"),
        "{}",
        bench.content("after")
    );
    assert!(
        !bench.content("seen").contains("agent"),
        "{}",
        bench.content("seen")
    );
    bench.context.kill_everything().await;
}

/// A server of repositories over HTTPS, and the tokens of an organisation.
struct Server {
    folder: TempDir,
    port: u16,
    _running: Ending,
}

impl Server {
    fn new() -> Self {
        let folder = tempfile::tempdir_in("/var/tmp").unwrap();
        let path = |name: &str| text(&folder.path().join(name));
        let subject = [
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
        ];
        let (key, certificate) = (path("key.pem"), path("certificate.pem"));
        let mut make = vec![
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ];
        make.extend(["-keyout", &key, "-out", &certificate]);
        make.extend(subject);
        run("openssl", &make);
        std::fs::write(folder.path().join("server.py"), script("git_server.py")).unwrap();
        let bare = path("bare.git");
        run("git", &["init", "-q", "--bare", &bare]);
        run("git", &["-C", &bare, "config", "http.receivepack", "true"]);
        let mut command = outside("python3");
        command.arg(path("server.py"));
        let word = format!("bot:{TOKEN}");
        command.args([&path(""), &certificate, &key, &word, &path("seen")]);
        let mut started = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let said = started.stdout.take().unwrap();
        BufReader::new(said).read_line(&mut line).unwrap();
        Self {
            folder,
            port: line.trim().parse().unwrap(),
            _running: Ending(started),
        }
    }

    fn bench(&self, sandbox: &Sandbox) -> Bench {
        let tokens = format!(
            "acme/localhost:{}=bot:{TOKEN},acme/other.example={OTHER},other/localhost:1={OTHER}",
            self.port
        );
        let config = CredentialConfig {
            tokens: Some(SecretString::from(tokens)),
            ..CredentialConfig::default()
        };
        let hosts = format!("localhost:{}=private", self.port);
        let credentials = config.of("acme").unwrap();
        let home = self.folder.path();
        let bench = Bench::within(sandbox).borrowing(sandbox, &hosts, credentials, home);
        repository(bench.root());
        let certificate = std::fs::read(self.folder.path().join("certificate.pem")).unwrap();
        bench.put("certificate.pem", certificate);
        bench
    }

    fn push(&self, branch: &str) -> String {
        let port = self.port;
        format!(
            "export NO_PROXY= no_proxy=; git -c http.sslCAInfo=$PWD/certificate.pem push https://localhost:{port}/bare.git main:{branch}"
        )
    }

    fn needs(&self) -> Value {
        let host = format!("localhost:{}", self.port);
        json!({ "hosts": [host], "credentials": [format!("git-token {host}")] })
    }
}

#[tokio::test]
async fn git_uses_the_token_of_the_named_host_and_it_is_not_shown() {
    let server = Server::new();
    for (branch, sandbox) in ["one", "two"].into_iter().zip(tiers()) {
        let mut bench = server.bench(&sandbox);
        let pushed = ran(&bench, &server.push(branch), &server.needs()).await;
        assert_eq!(pushed["exit_code"], 0, "{}: {pushed:#?}", sandbox.tier());
        let bare = text(&server.folder.path().join("bare.git"));
        assert!(run("git", &["-C", &bare, "log", "--oneline", branch]).contains("first"));
        nothing_evil(&bench);
        // The command itself can read what it was lent, and no other's.
        let telling = "env; printf %s bot:$NAVI_GIT_TOKEN_0 | base64; echo $NAVI_GIT_TOKEN_0 >&2";
        let told = ran(&bench, telling, &server.needs()).await;
        let told = format!("{told:?} {:?}", bench.live());
        assert!(told.contains("NAVI_GIT_TOKEN_0=[redacted]"), "{told}");
        assert!(!told.contains(TOKEN) && !told.contains(OTHER), "{told}");
        assert!(!told.contains("Ym90OmEtbGVudC13b3Jk"), "{told}");
        let unlent = ran(&bench, "env", &Value::Null).await;
        assert!(
            !format!("{unlent:?}").contains("NAVI_GIT_TOKEN"),
            "{unlent:?}"
        );
    }
}

#[tokio::test]
async fn a_repository_whose_settings_want_the_token_does_not_get_it() {
    let server = Server::new();
    let [full, _] = tiers();
    let bench = server.bench(&full);
    let git = |name: &str, value: &str| {
        run(
            "git",
            &["-C", bench.root().to_str().unwrap(), "config", name, value],
        );
    };
    let origin = format!("https://localhost:{}", server.port);
    git(
        &format!("credential.{origin}.helper"),
        "!f() { cat >> evil-helper; }; f",
    );
    git("core.fsmonitor", "env > evil-hook; false");
    git("core.askPass", "touch evil-helper; false");
    git(
        "url.ext::sh -c env>&evil-hook% .insteadOf",
        "https://other.example/",
    );
    let pushed = ran(&bench, &server.push("main"), &server.needs()).await;
    assert_eq!(pushed["exit_code"], 0, "{pushed:#?}");
    nothing_evil(&bench);
    let tried = ran(
        &bench,
        "git ls-remote https://other.example/x",
        &server.needs(),
    )
    .await;
    assert_ne!(tried["exit_code"], 0);
    nothing_evil(&bench);
}

#[tokio::test]
async fn what_cannot_be_lent_is_told() {
    let server = Server::new();
    let Some(person) = Person::new().await else {
        return;
    };
    let [full, _] = tiers();
    let with_tokens = server.bench(&full);
    let with_agent = person.bench(&full);
    for (bench, wanted, said) in [
        (
            &with_tokens,
            "ssh-agent git.example",
            "no SSH agent is open to this run",
        ),
        (
            &with_tokens,
            "git-token git.example",
            "no token for git.example:443",
        ),
        (
            &with_tokens,
            "git-token localhost:1",
            "no token for localhost:1",
        ),
        (
            &with_agent,
            "ssh-agent git.example",
            "the key of git.example:22 is not known",
        ),
    ] {
        let call = json!({ "command": "true", "needs": { "credentials": [wanted] } });
        let told = bench.told("run_command", call).await;
        assert!(told.contains(said), "{wanted}: {told}");
        assert!(!told.contains(OTHER), "{told}");
    }
    let needs = json!({ "credentials": ["git-token git.example"] });
    let call = json!({ "command": "true", "port": 3000, "needs": needs });
    let told = with_tokens.told("start_server", call).await;
    assert!(
        told.contains("`needs.credentials` is for `run_command`"),
        "{told}"
    );
}

//! Files that hold secrets, of every kind, in front of every door.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use navi::policy::model::Verdict;
use navi::policy::request::Request;
use navi::policy::service::Policy;
use serde_json::json;
use tempfile::TempDir;

/// Characters that look random; no secret stands in this file.
fn noise(length: usize) -> String {
    let letters: Vec<char> = ('a'..='z').chain('0'..='9').chain('A'..='Z').collect();
    let mut at = 17_usize;
    let mut next = || {
        at = (at * 1_103_515_245 + 12_345) % 2_147_483_648;
        letters[(at >> 8) % letters.len()]
    };
    std::iter::repeat_with(&mut next).take(length).collect()
}

fn key(kind: &str) -> String {
    let body = noise(192);
    format!(
        "-----BEGIN {kind}{0} KEY-----\n{body}\n-----END {kind}{0} KEY-----\n",
        "PRIVATE"
    )
}

/// A workspace with these files.
fn workspace<'a>(files: impl IntoIterator<Item = (&'a str, String)>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn policy() -> Policy {
    Policy::built_in().unwrap()
}

fn command(root: &Path, text: &str) -> Verdict {
    let request = Request::Command {
        text,
        directory: "",
        in_background: false,
        needs: None,
    };
    policy().judge("run_command", request, root).verdict
}

fn read(root: &Path, path: &str) -> Verdict {
    policy()
        .judge("read_file", Request::Read { path }, root)
        .verdict
}

/// Names that say it, whatever is in the file.
const NAMED: &[&str] = &[
    ".npmrc",
    ".pypirc",
    "pip.conf",
    ".netrc",
    "_netrc",
    ".pgpass",
    "pgpass.conf",
    ".my.cnf",
    ".git-credentials",
    ".htpasswd",
    ".htdigest",
    ".dockercfg",
    "docker/config.json",
    "id_rsa",
    "id_ecdsa",
    "id_ed25519_sk",
    "backup/id_rsa~",
    "deploy_key",
    "ssh_host_rsa_key",
    "a.p12",
    "a.pfx",
    "a.pkcs12",
    "a.jks",
    "a.keystore",
    "a.ppk",
    "a.asc",
    "a.gpg",
    "a.ovpn",
    "a.mobileprovision",
    "a.p8",
    "a.pvk",
    "a.snk",
    "a.kdbx",
    "a.psafe3",
    "server.key.bak",
    "server.pem.txt",
    "wp-config.php",
    "configuration.php",
    "local_settings.py",
    "application-prod.yml",
    "application-production.properties",
    "appsettings.Production.json",
    "web.config",
    "NuGet.Config",
    "secrets.yaml",
    "prod-secrets.yaml",
    "secrets.enc.yaml",
    "secrets/database",
    "vault.yml",
    ".vault_pass",
    "prod.tfvars",
    "a.auto.tfvars",
    "terraform.tfstate",
    "state/terraform.tfstate.backup",
    "tfplan",
    ".env",
    ".env.prod",
    ".env-prod",
    ".env~",
    ".env.bak",
    "prod.env",
    "prod.env.bak",
    "env.production",
    ".envrc",
    ".flaskenv",
    ".dev.vars",
    ".config/gcloud/credentials.db",
    "service-account.json",
    "serviceAccountKey.json",
    "gha-creds-1a.json",
    "azureProfile.json",
    "accessTokens.json",
    "msal_token_cache.json",
    "credentials",
    "aws_credentials",
    "aws-credentials.csv",
    "rootkey.csv",
    "rclone.conf",
    ".boto",
    ".s3cfg",
    ".passwd-s3fs",
    "config/master.key",
    "config/credentials.yml.enc",
    "config/credentials/production.key",
    "wg0.conf",
    "wireguard/peer.conf",
    "ipsec.secrets",
    "wpa_supplicant.conf",
    "kubeconfig",
    "kubeconfig-prod",
    "kube_config_cluster.yml",
    "k3s.yaml",
    "prod.postman_environment.json",
    "Cookies",
    "cookies.sqlite",
    "cookies.txt",
    "Login Data",
    "logins.json",
    "key4.db",
    ".bash_history",
    ".zsh_history",
    "fish_history",
    ".history",
    ".viminfo",
    "core.4711",
    "a.dmp",
    "a.hprof",
    "app.sqlite",
    "dump.sql",
    "backup.sql.gz",
    "dump.rdb",
    "auth.json",
    "kaggle.json",
    ".huggingface/token",
    ".m2/settings.xml",
    "sftp-config.json",
    ".msmtprc",
    "hiera.eyaml",
    "google-services.json",
    "password.txt",
    "api_key.txt",
    "token",
    ".github_token",
    "privkey1",
    "client_secret_1.json",
    "creds.yml",
    "..env.swp",
    "kube/config",
    ".talos/config",
    ".rancher/cli2.json",
    ".config/hcloud/cli.toml",
    ".config/scw/config.yaml",
    ".config/github-copilot/apps.json",
    ".config/Bitwarden/data.json",
    ".config/age/key.txt",
    ".snowflake/connections.toml",
    ".gitlab-runner/config.toml",
    ".subversion/auth/svn.simple/a",
    ".jupyter/jupyter_server_config.py",
    ".httpie/sessions/a/b.json",
    ".muttrc",
    ".mbsyncrc",
    ".mongorc.js",
    ".curlrc",
    ".wgetrc",
    ".lftprc",
    ".sentryclirc",
    ".google_authenticator",
    "smbpasswd",
    "pgpass",
    "home.nmconnection",
    "wireguard.conf",
    "krb5.keytab",
    "hashcat.potfile",
    "a.pk8",
    "dkim/default.private",
    "my_rsa_key",
    "dropbear_rsa_host_key",
    "a.rdp",
    "confCons.xml",
    "NTDS.dit",
    "prod.pubxml.user",
    "tomcat-users.xml",
    "mgmt-users.properties",
    "config.inc.php",
    "LocalSettings.php",
    "sites/default/settings.php",
    "app/etc/env.php",
    "wp-config.php.bak",
    "config/parameters.yml",
    "config/prod.secret.exs",
    "group_vars/all/vault",
    "a.pkrvars.hcl",
    "env.local",
    "etc/shadow.bak",
    "postman_environment.json",
    "gcp-key.json",
    "gcloud-service-key.json",
    "token.pickle",
    "mnemonic.txt",
    "github-recovery-codes.txt",
    "2fa-backup-codes.txt",
    "unseal-keys.txt",
    "vault-init.json",
    "bitwarden_export.json",
    "lastpass.csv",
    "1password.csv",
    "pw.txt",
    "state.vscdb",
];

#[test]
fn secret_files_are_told_by_their_names() {
    let space = workspace(NAMED.iter().map(|path| (*path, "x\n".to_owned())));
    let root = space.path();
    let secrets = policy().secret_files(root);
    let mut open = BTreeSet::new();
    for path in NAMED {
        let asks = [read(root, path), command(root, &format!("cat '{path}'"))];
        if !secrets.is_named(path) || asks != [Verdict::Ask; 2] {
            open.insert(*path);
        }
    }
    assert_eq!(open, BTreeSet::new());
    assert!(NAMED.len() > 180);
}

/// Files with names that say nothing.
fn telling() -> Vec<(&'static str, String)> {
    let json_key =
        json!({"type": "service_account", "private_key": key(""), "client_email": "a@b"});
    let utf16: String = format!("password = \"{}\"", noise(30))
        .chars()
        .flat_map(|c| [c, '\0'])
        .collect();
    vec![
        ("a01", key("OPENSSH ")),
        ("a02", key("RSA ")),
        ("a03", key("ENCRYPTED ")),
        ("a04.yaml", format!("key: |\n    {}", key("").replace('\n', "\n    "))),
        ("a05", format!("-----BEGIN PGP {0} KEY BLOCK-----\n\n{1}\n-----END PGP {0} KEY BLOCK-----\n", "PRIVATE", noise(128))),
        ("a06.json", json_key.to_string()),
        ("a07.json", json!({"nested": [{"private_key": key("")}]}).to_string()),
        ("a08.json", json!({"type": "authorized_user", "refresh_token": "x"}).to_string()),
        ("a09.py", format!("SECRET_KEY = 'x#{}$%^&*(-_=+)'\n", noise(34))),
        ("a10.env.txt", format!("DB_PASSWORD=\"{}!#{}\"\n", noise(8), noise(8))),
        ("a11.ini", format!("[default]\naws_secret_access_key = {}\n", noise(40))),
        ("a12.yml", format!("production:\n  secret_key_base: {}\n", noise(128))),
        ("a13.yaml", "apiVersion: v1\nkind: Secret\nstringData:\n  password: hunter2\n".to_owned()),
        ("a14.yaml", "data:\n  password: aHVudGVyMg==\nkind: Secret\n".to_owned()),
        ("a15.json", json!({"kind": "Secret", "data": {"a": "aHVudGVyMg=="}}).to_string()),
        ("a16", format!("apiVersion: v1\nkind: Config\nclusters: []\nusers:\n- name: a\n  user:\n    password: {}\n", noise(20))),
        ("a17", format!("    client-key-data: {}\n", noise(200))),
        ("a18.json", json!({"version": 4, "terraform_version": "1.9.0", "lineage": "x", "resources": []}).to_string()),
        ("a19.json", json!({"auths": {"r.example": {"auth": "bWU6aHVudGVyMg=="}}}).to_string()),
        ("a20.json", json!({"keys": [{"kty": "EC", "d": noise(43)}]}).to_string()),
        ("a21.json", json!({"values": [], "_postman_variable_scope": "environment"}).to_string()),
        ("a22", format!("[Interface]\nPrivateKey = {}=\n", noise(43))),
        ("a23", format!("AGE-SECRET-KEY-1{}\n", noise(58).to_uppercase())),
        ("a24.yml", "$ANSIBLE_VAULT;1.1;AES256\n3961\n".to_owned()),
        ("a25", "# Netscape HTTP Cookie File\n.x.example\tTRUE\t/\tTRUE\t0\ts\tv\n".to_owned()),
        ("a26", "machine x.example login me password hunter2\n".to_owned()),
        ("a27", format!("root:$6$salt${}:19000:0:99999:7:::\n", noise(86))),
        ("a28.md", format!("the token is {}{}\n", "ghp_", noise(36))),
        ("a29.md", format!("{}{}\n", "glpat-", noise(20))),
        ("a30.md", format!("Authorization: Bearer {}\n", noise(40))),
        ("a31.md", format!("postgres://app:{}@db.example/app\n", noise(24))),
        ("a32.txt", utf16),
        ("a34.yml", "production:\n  adapter: postgresql\n  password: hunter2Correct!\n".to_owned()),
        ("a35.yml", "services:\n  db:\n    environment:\n      - POSTGRES_PASSWORD=Sup3rS3cret99\n".to_owned()),
        ("a36.yaml", "apiVersion: v1\nkind: List\nitems:\n- kind: Secret\n  data:\n    pw: aHVudGVyMg==\n".to_owned()),
        ("a37.yaml", "kind: Secret # db\ndata: {pw: aHVudGVyMg==}\n".to_owned()),
        ("a38.txt", "[client]\nuser=root\npassword=hunter2\n".to_owned()),
        ("a39.csv", "name,url,username,password\nsite,https://x.example,ada,hunter2\n".to_owned()),
        ("a40.txt", "db.example:5432:app:ada:hunter2\n".to_owned()),
        ("a41.ppk", format!("PuTTY-User-Key-File-3: ssh-rsa\nPublic-Lines: 1\n{0}\nPrivate-Lines: 1\n{0}\n", noise(64))),
        ("a42.txt", format!("mongodb+srv://app:{}@c.example/db\n", noise(20))),
        ("a43.txt", format!("a=1\rdb_password={}\rb=2\r", noise(24))),
        ("a44.conf", format!("requirepass {}\n", noise(24))),
        ("a45.xml", "<servers><server><password>hunter2</password></server></servers>\n".to_owned()),
        ("a46.txt", format!("key: LS0tLS1{}{}\n", "CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQ", noise(120))),
        ("a33.json", json!({"ConnectionStrings": {"A": format!("Server=x;User Id=sa;Password={};", noise(20))}}).to_string()),
    ]
}

#[test]
fn secret_files_are_told_by_what_they_hold() {
    let files = telling();
    let space = workspace(files.iter().map(|(path, text)| (*path, text.clone())));
    let root = space.path();
    let secrets = policy().secret_files(root);
    let mut open = BTreeSet::new();
    for (path, text) in &files {
        let asks = [read(root, path), command(root, &format!("head -3 {path}"))];
        if !secrets.is_secret(path, text) || asks != [Verdict::Ask; 2] {
            open.insert(*path);
        }
    }
    assert_eq!(open, BTreeSet::new());
}

#[test]
fn code_and_documents_that_speak_of_secrets_are_read_unasked() {
    let files = [
        (
            "src/secrets.rs",
            "pub fn secret() -> &'static str { \"none\" }\n",
        ),
        (
            "src/auth/credentials.py",
            "password = getpass('Password: ')\n",
        ),
        ("src/core/main.rs", "fn main() {}\n"),
        (
            "src/token.ts",
            "export const token = await login(user, password);\n",
        ),
        (
            "docs/passwords.md",
            "kind: Secret is an object, AGE-SECRET-KEY-1 begins a key.\n",
        ),
        (
            "k8s/deployment.yaml",
            "kind: Deployment\nspec:\n  secretName: db\n",
        ),
        (
            "charts/db.yaml",
            "kind: Secret\ndata:\n  password: {{ .Values.password }}\n",
        ),
        (
            "compose.yml",
            "services:\n  db:\n    environment:\n      POSTGRES_PASSWORD: ${PASSWORD}\n",
        ),
        (
            "config/settings.py",
            "SECRET_KEY = os.environ['SECRET_KEY']\n",
        ),
        ("design-tokens.json", "{\"color\": \"#fff\"}\n"),
        (".env.example", "PASSWORD=\n"),
        (".env.production.sample", "PASSWORD=\n"),
        (".env-example", "PASSWORD=\n"),
        ("template.env", "PASSWORD=\n"),
        ("secrets.example.yaml", "password: changeme\n"),
        (
            "wp-config-sample.php",
            "define('DB_PASSWORD', 'password_here');\n",
        ),
        ("lib/kube_config.rb", "class KubeConfig\nend\n"),
        (
            "k8s/externalsecret.yaml",
            "kind: ExternalSecret\nspec:\n  data: []\n",
        ),
        (
            "charts/templates/secret.yaml",
            "kind: Secret\ndata:\n  a: {{ .Values.a }}\n",
        ),
        (
            "compose.dev.yml",
            "services:\n  db:\n    environment:\n      POSTGRES_PASSWORD: postgres\n",
        ),
        (
            "tests/fixtures/login.json",
            "{\"user\": \"ada\", \"password\": \"hunter2Correct\"}\n",
        ),
        ("id_rsa.pub", "ssh-rsa AAAAB3NzaC1yc2E me\n"),
        (
            "Cargo.lock",
            "checksum = \"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"\n",
        ),
        (
            "test.crt",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        ),
    ];
    let space = workspace(files.iter().map(|(path, text)| (*path, (*text).to_owned())));
    let root = space.path();
    let secrets = policy().secret_files(root);
    let mut kept = BTreeSet::new();
    for (path, text) in files {
        let asks = [read(root, path), command(root, &format!("cat {path}"))];
        if secrets.is_secret(path, text) || asks != [Verdict::Allow; 2] {
            kept.insert(path);
        }
    }
    assert_eq!(kept, BTreeSet::new());
    for text in [
        "grep -rn secret src",
        "head src/*",
        "find src -name '*.rs' | xargs cat",
        "tar -cf x.tar src",
    ] {
        assert_eq!(command(root, text), Verdict::Allow, "{text}");
    }
}

/// A repository that tracks a key, has an environment file, and code beside them.
fn repository() -> TempDir {
    let space = workspace([
        ("src/main.rs", "fn main() {}\n".to_owned()),
        ("deploy/prod.env", "DB_PASSWORD=hunter2\n".to_owned()),
        ("deploy/readme.md", "how to deploy\n".to_owned()),
        ("deploy/notes", key("")),
        ("certs/server.pem", "x\n".to_owned()),
    ]);
    #[expect(clippy::disallowed_methods, reason = "a repository is made by git")]
    for args in [&["init", "-q"][..], &["add", "certs", "src"]] {
        let made = Command::new("git")
            .current_dir(space.path())
            .args(args)
            .status();
        assert!(made.unwrap().success());
    }
    space
}

#[test]
fn what_reads_folders_patterns_or_history_asks_when_secrets_are_among_it() {
    let space = repository();
    let mut unasked = BTreeSet::new();
    for text in [
        "grep -rn PASSWORD deploy",
        "grep -R . ./deploy/",
        "grep -r --include='*.env' . deploy",
        "grep -d recurse x deploy",
        "cd deploy && grep -r --include=* PASSWORD .",
        "rg PASSWORD deploy",
        "rg -e PASSWORD -g '*.env' .",
        "ag x deploy",
        "cat deploy/*",
        "cat deploy/pr*",
        "head -n 5 deploy/n*",
        "cat */prod.env",
        "tail deploy/*.env",
        "strings deploy/*",
        "for f in deploy/*; do cat $f; done",
        "for f in $(ls deploy); do cat deploy/$f; done",
        "ls deploy | xargs -I{} cat deploy/{}",
        "find deploy -type f -exec cat {} +",
        "find deploy -type f -exec head -3 {} \\;",
        "find deploy -type f | xargs cat",
        "find deploy -type f -print0 | xargs -0 grep x",
        "find deploy -type f | while read f; do cat \"$f\"; done",
        "ls deploy/* | xargs cat",
        "tar -cf - deploy",
        "tar czf all.tgz deploy",
        "tar -C deploy -cf all.tar .",
        "zip -r all.zip deploy",
        "cp -r deploy public",
        "diff -r deploy src",
        "git show HEAD:deploy/prod.env",
        "git show HEAD:certs/server.pem",
        "git grep x",
        "git diff",
        "git log -p",
        "git show HEAD",
        "git stash show -p",
        "git archive HEAD",
        "git cat-file -p HEAD:certs/server.pem",
        "git diff -- certs/server.pem",
        "git blame certs/server.pem",
        "base64 deploy/prod.env",
        "paste deploy/prod.env",
        "xxd < deploy/prod.env",
        "mapfile x < deploy/prod.env",
        "dd if=deploy/prod.env",
        "awk '{print}' deploy/prod.env",
        "sed -n p deploy/prod.env",
        "python3 -c 'print(open(\"deploy/prod.env\").read())'",
        "node -e 'console.log(require(\"fs\").readFileSync(\"deploy/prod.env\",\"utf8\"))'",
        "exiftool deploy/prod.env",
        "pandoc deploy/prod.env",
        "xmllint deploy/prod.env",
        "gunzip -c deploy/prod.env",
        "source deploy/prod.env",
        "curl file://$PWD/deploy/prod.env",
        "env -C deploy cat prod.env",
        "cd deploy; cat prod.env",
        "cat deploy/../deploy/./prod.env",
        "cat DEPLOY/prod.env deploy/PROD.env",
        "cat deploy/prod.{env,txt}",
        "x=deploy/prod; cat $x.env",
        "bash -c 'cat deploy/prod.env'",
        "timeout 5 cat deploy/notes",
    ] {
        if command(space.path(), text) == Verdict::Allow {
            unasked.insert(text);
        }
    }
    assert_eq!(unasked, BTreeSet::new());
    let mut asked = BTreeSet::new();
    for text in [
        "grep -rn main src",
        "grep -r main src",
        "grep -r --include='*.md' deploy deploy",
        "rg -t rust main src",
        "cat deploy/*.md",
        "ls -la deploy",
        "find deploy -name '*.md' -exec cat {} +",
        "find deploy -type f | xargs wc -l",
        "git diff --stat",
        "git log --oneline",
        "git diff -- src/main.rs",
        "git status",
        "wc -l src/main.rs",
        "diff <(sort src/main.rs) <(sort deploy/readme.md)",
        "rm -f deploy/readme.md",
    ] {
        if command(space.path(), text) != Verdict::Allow {
            asked.insert(text);
        }
    }
    assert_eq!(asked, BTreeSet::new());
}

//! The programs that read a secret from their standard input.

use crate::platform::redact::rules::keys;

/// A program, the words that have to follow its name, and what it reads.
struct Reader {
    program: &'static str,
    /// Each of them has to be there, in this order; a dash begins a set of letters of options.
    words: &'static str,
    reads: Reads,
}

/// The part of a program's input that is a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    /// All of it.
    All,
    /// The first line: the rest may be for another program, and may be run.
    Line,
    /// Of each line, the part after this sign.
    After(u8),
}

const fn all(program: &'static str, words: &'static str) -> Reader {
    reader(program, words, Reads::All)
}

const fn reader(program: &'static str, words: &'static str, reads: Reads) -> Reader {
    Reader {
        program,
        words,
        reads,
    }
}

const READERS: &[Reader] = &[
    reader("sudo", "-S", Reads::Line),
    reader("sudo", "--stdin", Reads::Line),
    reader("su", "", Reads::Line),
    reader("chpasswd", "", Reads::After(b':')),
    all("passwd", ""),
    all("smbpasswd", ""),
    all("pdbedit", "-t"),
    all("kinit", ""),
    all("cryptsetup", ""),
    all("veracrypt", "--stdin"),
    all("keepassxc-cli", ""),
    all("ssh-add", "-"),
    all("gh", "auth login"),
    all("gh", "secret set"),
    all("glab", "auth login"),
    all("glab", "variable set"),
    all("hf", "auth login"),
    all("huggingface-cli", "login"),
    all("doctl", "auth init"),
    all("vncpasswd", ""),
    all("ecryptfs-add-passphrase", ""),
    all("hcloud", "context create"),
    all("vault", "login"),
    all("vault", "operator unseal"),
    all("vault", "kv put"),
    all("vault", "write"),
    all("op", "signin"),
    all("op", "account add"),
    all("bw", "login"),
    all("bw", "unlock"),
    all("pass", "insert"),
    all("gopass", "insert"),
    all("secret-tool", "store"),
    all("npm", "login"),
    all("npm", "adduser"),
    all("yarn", "npm login"),
    all("pnpm", "login"),
    all("cargo", "login"),
    all("terraform", "login"),
    all("pulumi", "login"),
    all("pulumi", "config set"),
    all("wrangler", "secret put"),
    all("vercel", "env add"),
    reader("fly", "secrets import", Reads::After(b'=')),
    reader("flyctl", "secrets import", Reads::After(b'=')),
    all("docker", "secret create"),
    all("podman", "secret create"),
    all("gcloud", "secrets create"),
    all("gcloud", "secrets versions add"),
    all("ansible-vault", "encrypt_string"),
    all("systemd-creds", "encrypt"),
    all("rclone", "obscure"),
    all("htpasswd", "-i"),
    all("mkpasswd", ""),
    all("openssl", "passwd"),
    all("argon2", ""),
    all("caddy", "hash-password"),
    all("zfs", "load-key"),
    all("wg", "pubkey"),
    all("wpa_passphrase", ""),
    all("keyctl", "padd"),
    all("security", "-w"),
    all("snyk", "auth"),
];

/// Programs that run another one, with the options whose values are words of their own.
const RUNNERS: &[(&str, &str)] = &[
    (
        "sudo",
        "-u -g -h -p -C -r -t -U -T -D -R --user --group --prompt --chdir",
    ),
    ("doas", "-u -C"),
    ("env", "-u -C"),
    ("nice", "-n"),
    ("command", ""),
    ("exec", "-a"),
    ("nohup", ""),
    ("time", ""),
    ("busybox", ""),
    ("winpty", ""),
    ("npx", "-p"),
    ("bunx", ""),
];

/// Programs that run the rest of their words elsewhere, after the name of a place; and the words before
/// that name.
const PLACES: &[(&str, &str, &str)] = &[
    ("chroot", "", "-u -g"),
    ("arch-chroot", "", ""),
    ("docker", "exec", "-e -u -w --env --user --workdir"),
    ("podman", "exec", "-e -u -w --env --user --workdir"),
    ("kubectl", "exec", "-n -c --namespace --container"),
    ("oc", "exec", "-n -c --namespace --container"),
    ("ssh", "", "-p -i -l -o -F -J"),
];

/// Programs that run their input, so that it has to be seen.
const INTERPRETERS: &str = "sh bash zsh dash ksh fish ash csh tcsh pwsh python python2 python3 perl ruby node deno bun \
    php lua tclsh awk gawk sed xargs parallel tee eval source psql mysql mariadb sqlite3 mongosh redis-cli make \
    at batch crontab ssh nc ncat socat dd vi vim ed patch git";

/// Programs that only change how a text is written.
const FILTERS: &str = "base64 tr head tail cut rev cat";

/// The secret part of a command's input, going by its words; none when no part is.
pub(super) fn reads(words: &[&str]) -> Option<Reads> {
    let mut words = without_assignments(words);
    loop {
        let (first, rest) = words.split_first()?;
        let program = base(first);
        let run = run_by(program, rest);
        // The words of another program do not count for this one.
        let own = &rest[..rest.len() - run.map_or(0, <[&str]>::len)];
        let mut readers = READERS.iter().filter(|reader| reader.program == program);
        if let Some(reader) = readers.find(|reader| has_words(own, reader.words)) {
            return Some(reader.reads);
        }
        let is_seen = is_one_of(program, INTERPRETERS);
        if !is_seen && (0..own.len()).any(|at| asks(&own[at..])) {
            return Some(Reads::All);
        }
        words = run?;
    }
}

/// A command only writes what it reads in another way.
pub(super) fn is_filter(words: &[&str]) -> bool {
    let Some((first, rest)) = words.split_first() else {
        return false;
    };
    is_one_of(base(first), FILTERS) && rest.iter().all(|word| !word.contains(['<', '>', '(']))
}

fn base(word: &str) -> &str {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    name.strip_suffix(".exe").unwrap_or(name)
}

fn is_one_of(word: &str, words: &str) -> bool {
    words.split_ascii_whitespace().any(|other| other == word)
}

/// Without the variables that are set before a program's name.
fn without_assignments<'w, 't>(words: &'w [&'t str]) -> &'w [&'t str] {
    let is_assignment = |word: &&&str| {
        word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        })
    };
    &words[words.iter().take_while(is_assignment).count()..]
}

/// These stand among the words, one after the other.
fn has_words(words: &[&str], wanted: &str) -> bool {
    let mut words = words.iter();
    let mut wanted = wanted.split_ascii_whitespace();
    wanted.all(|wanted| {
        words.any(|word| {
            let letter = wanted.strip_prefix('-').filter(|rest| rest.len() == 1);
            let cluster = word.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
            let is_cluster = letter
                .zip(cluster)
                .is_some_and(|(letter, cluster)| cluster.contains(letter));
            is_cluster || *word == wanted
        })
    })
}

/// The options that begin here ask for a secret from the standard input, whatever the program.
fn asks(words: &[&str]) -> bool {
    const HERE: &[&str] = &[
        "-",
        "/dev/stdin",
        "/dev/fd/0",
        "/proc/self/fd/0",
        "0",
        "stdin",
        "fd:0",
    ];
    let Some(option) = words.first().filter(|word| word.starts_with('-')) else {
        return false;
    };
    let (name, value) = match option.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (*option, None),
    };
    let next = || words.get(1).copied();
    let is_here = |value: Option<&str>| {
        value.is_some_and(|value| HERE.contains(&value.trim_start_matches('@')))
    };
    let named = |name: &str| is_named(name.trim_start_matches('-'));
    if let Some(name) = name
        .strip_suffix("-stdin")
        .or_else(|| name.strip_suffix("-from-stdin"))
    {
        return named(name.strip_suffix("-from").unwrap_or(name));
    }
    if name == "--with-token" {
        return true;
    }
    if let Some(name) = name.strip_suffix("-fd") {
        return named(name) && is_here(value.or_else(next));
    }
    if let Some(name) = name
        .strip_suffix("-file")
        .or_else(|| name.strip_suffix("-path"))
    {
        return named(name) && is_here(value.or_else(next));
    }
    matches!(
        name,
        "-pass" | "-passin" | "-passout" | "-kfile" | "--data-file"
    ) && is_here(value.or_else(next))
}

fn is_named(name: &str) -> bool {
    keys::named(name).is_some() || matches!(name, "pass" | "key" | "vault-password" | "pin" | "pw")
}

/// The words of the program that this one runs.
fn run_by<'w, 't>(program: &str, words: &'w [&'t str]) -> Option<&'w [&'t str]> {
    // It takes a whole command apart that stands in one word.
    if program == "env"
        && words
            .iter()
            .any(|word| word.starts_with("-S") || word.starts_with("--sp"))
    {
        return None;
    }
    if let Some((_, with_value)) = RUNNERS.iter().find(|(runner, _)| *runner == program) {
        return Some(without_assignments(without_options(words, with_value)));
    }
    let (_, word, with_value) = PLACES.iter().find(|(runner, ..)| *runner == program)?;
    let words = if word.is_empty() {
        words
    } else {
        words.split_first().filter(|(first, _)| *first == word)?.1
    };
    let (_, rest) = without_options(words, with_value).split_first()?;
    let rest = without_options(rest, with_value);
    Some(rest)
}

/// Without the options at the beginning, up to a double dash.
fn without_options<'w, 't>(mut words: &'w [&'t str], with_value: &str) -> &'w [&'t str] {
    while let Some((first, rest)) = words.split_first() {
        if *first == "--" {
            return rest;
        }
        if !first.starts_with('-') || first.len() < 2 {
            break;
        }
        let skips = is_one_of(first, with_value);
        words = if skips {
            rest.get(1..).unwrap_or_default()
        } else {
            rest
        };
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(command: &str) -> Option<Reads> {
        reads(&command.split(' ').collect::<Vec<_>>())
    }

    #[test]
    fn what_reads_a_secret_is_known_behind_whatever_runs_it() {
        for command in [
            "docker login -u ada --password-stdin r.example",
            "sudo -n docker login --password-stdin",
            "sudo -u ada passwd --stdin ada",
            "A=b /usr/bin/gh auth login --with-token",
            "gpg --batch --passphrase-fd 0 -d a.gpg",
            "gpg --batch --passphrase-fd=0 -d a.gpg",
            "restic --password-file /dev/stdin backup",
            "ansible-playbook --vault-password-file=/dev/stdin a.yml",
            "openssl enc -aes-256-cbc -pass stdin -in a",
            "docker exec -i db passwd",
            "kubectl exec -i -n a pod -c b -- passwd",
            "tool --api-key-stdin",
        ] {
            assert_eq!(of(command), Some(Reads::All), "{command}");
        }
        assert_eq!(of("sudo -kS apt update"), Some(Reads::Line));
        assert_eq!(of("sudo chpasswd"), Some(Reads::After(b':')));
    }

    #[test]
    fn what_runs_its_input_reads_no_secret() {
        for command in [
            "sh passwd",
            "bash -s --password-stdin",
            "sudo -u passwd bash",
            "sudo bash --password-stdin",
            "docker exec passwd sh",
            "ssh passwd sh",
            "kubectl exec -c passwd pod -- sh",
            "env -u passwd python3",
            "docker login",
            "tar --files-from-stdin",
            "cat passwd",
        ] {
            assert_eq!(of(command), None, "{command}");
        }
    }
}

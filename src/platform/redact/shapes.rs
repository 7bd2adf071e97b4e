//! Files whose shape says that they hold secrets, whatever these look like.

use std::sync::LazyLock;

use regex::Regex;

/// A word that each file of a shape has, and an expression about the whole file and the beginnings of
/// its lines.
const SHAPES: &[(&str, &str)] = &[
    // A Kubernetes secret that is no template.
    (
        "Secret",
        r"(?ms)^kind:\s*[\x22']?Secret[\x22']?\s*$.*^(?:data|stringData):\s*\n\s+[\w.-]+:\s*[^\s{]",
    ),
    (
        "Secret",
        r"(?ms)^(?:data|stringData):\s*\n\s+[\w.-]+:\s*[^\s{].*^kind:\s*[\x22']?Secret[\x22']?\s*$",
    ),
    ("Secret", r"(?s)\A\s*\{.*\x22kind\x22\s*:\s*\x22Secret\x22"),
    // A kubeconfig.
    (
        "client-key-data",
        r"client-key-data[\x22']?:\s*[\x22']?[A-Za-z0-9+/]{40}",
    ),
    (
        "users:",
        r"(?ms)^kind:\s*Config\s*$.*^users:\s*$|^users:\s*$.*^kind:\s*Config\s*$",
    ),
    // A state of Terraform, a stack of Pulumi.
    ("terraform_version", r"(?s)\A\s*\{.*\x22lineage\x22"),
    ("encryptionsalt:", r"(?m)^encryptionsalt:\s*v1:"),
    // A service account of Google, a file of Docker, a key of JOSE.
    (
        "\"service_account\"",
        r"(?s)\A\s*\{.*\x22type\x22\s*:\s*\x22service_account\x22",
    ),
    (
        "\"authorized_user\"",
        r"(?s)\A\s*\{.*\x22type\x22\s*:\s*\x22authorized_user\x22",
    ),
    (
        "\"auth",
        r"(?s)\A\s*\{.*\x22auths?\x22.*\x22auth\x22\s*:\s*\x22[A-Za-z0-9+/=]{8}",
    ),
    (
        "\"kty\"",
        r"(?s)\A\s*[\[{].*\x22[dk]\x22\s*:\s*\x22[A-Za-z0-9_-]{20}",
    ),
    // A variable file of Postman, what password managers write out, a wallet of Ethereum.
    ("\"_postman_variable_scope\"", r"\A\s*\{"),
    (
        "\"encrypted\"",
        r"(?s)\A\s*\{.*\x22encrypted\x22\s*:\s*(?:false.*\x22items\x22|true.*\x22data\x22)",
    ),
    ("\"ciphertext\"", r"(?s)\A\s*\{.*\x22kdf(?:params)?\x22\s*:"),
    (
        ",",
        r"(?i)\A(?:[^\n]*,)?\x22?(?:password|passwd|secret access key|login_password)\x22?(?:,[^\n]*)?\r?\n[^\n]*,",
    ),
    // A private key in one line, as a string of a program or of JSON.
    (
        "PRIVATE KEY-----",
        r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?:\\[nr]|\s)+(?:[A-Za-z0-9+/=]|\\[nr]|\s){80}",
    ),
    // WireGuard, age, PGP, Ansible, SSH2, PuTTY, OpenVPN, minisign, signify, BIND.
    ("edKey", r"(?m)^\s*PresharedKey\s*=\s*[A-Za-z0-9+/]{43}="),
    (
        "PrivateKey",
        r"(?m)^\s*PrivateKey\s*[=:]\s*[A-Za-z0-9+/]{43}=",
    ),
    ("AGE-SECRET-KEY-1", r"(?m)^AGE-SECRET-KEY-1[A-Z0-9]{58}"),
    (
        "PGP PRIVATE KEY BLOCK",
        r"(?ms)^-----BEGIN PGP PRIVATE KEY BLOCK-----\s*$.{80}",
    ),
    (
        "$ANSIBLE_VAULT;",
        r"(?m)^\s*(?:\S+:\s*!vault\s*\|\s*)?\$ANSIBLE_VAULT;\d",
    ),
    (
        "SSH2 ENCRYPTED PRIVATE KEY",
        r"(?m)^---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\s*$",
    ),
    (
        "Private-Lines:",
        r"(?ms)^PuTTY-User-Key-File-\d: .*^Private-Lines: \d",
    ),
    (
        "OpenVPN Static key",
        r"(?m)^-----BEGIN OpenVPN Static key V\d-----\s+[0-9a-f]{16}",
    ),
    (
        "secret key",
        r"\Auntrusted comment: (?:minisign (?:encrypted )?|signify )secret key\s+[A-Za-z0-9+/]{40}",
    ),
    // Cookies, passwords of machines, networks and users.
    ("HTTP Cookie File", r"\A# (?:Netscape )?HTTP Cookie File"),
    (
        "password",
        r"(?m)^\s*(?:machine\s+\S+|default)\s+login\s+\S+\s+password\s+\S",
    ),
    (
        ":",
        r"(?m)\A(?:#.*\n|\s*\n)*[\w.*-]+:(?:\d{4,5}|\*):[^:\s]+:[^:\s]+:[^:\s]{4,}\s*$",
    ),
    (
        "[client",
        r"(?ms)^\[client[^\]\n]*\]\s*$[^\[]*^\s*pass(?:word)?\s*=\s*[^\s$<{]",
    ),
    (
        "psk",
        r"(?m)^\s*(?:wpa-|wifi-sec\.)?psk\s*=\s*\x22?[^\s\x22$<{]{8,63}\x22?\s*$",
    ),
    (": PSK", r"(?m)^[^#\n]*: PSK\s+\x22[^\x22\n]{6,}"),
    (":{SHA}", r"(?m)^[A-Za-z_][\w.-]*:\{SHA\}[A-Za-z0-9+/]{27}="),
    (
        ":$",
        r"(?m)(?:^|[\s\x22'])[A-Za-z_][\w.-]*:\$(?:y|gy|7|6|5|1|apr1|2[aby])\$[^\s:]{8}",
    ),
    (
        "\" \"",
        r"(?m)^\x22[^\x22\n]+\x22 \x22(?:md5[0-9a-f]{32}|SCRAM-SHA-256\$\d+:)",
    ),
    (
        "TOTP_AUTH",
        r"(?m)\A[A-Z2-7]{16,}\n(?:\x22 .*\n)*\x22 TOTP_AUTH$",
    ),
    // The words of a wallet.
    (
        "seed",
        r"(?i)seed[ _-]?(?:phrase|words)?[\x22']?\s*[:=]\s*[\x22']?(?:[a-z]{3,8}[ ,]+){11,23}[a-z]{3,8}",
    ),
    (
        "mnemonic",
        r"(?i)mnemonic[\x22']?\s*[:=]\s*[\x22']?(?:[a-z]{3,8}[ ,]+){11,23}[a-z]{3,8}",
    ),
    // Settings of Maven, Windows, FileZilla, Jenkins.
    ("<servers>", r"(?s)<servers>.*<password>\s*[^<\s${]"),
    ("password 51:b:", r"(?m)^password 51:b:[0-9A-Fa-f]{16}"),
    ("Password>", r"<(?:\w+)?Password>\s*<Value>\s*[^<\s*]"),
    ("cpassword=", r"cpassword=\x22[A-Za-z0-9+/=]{8}"),
    ("<Pass", r"<Pass(?: encoding=\x22base64\x22)?>[^<\s]{4}"),
    ("{AQAAABAAAAA", r"\{AQAAABAAAAA[A-Za-z0-9+/]{16}"),
];

/// The expressions of [`SHAPES`], in their order.
static COMPILED: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let compiled = SHAPES.iter().map(|(_, shape)| {
        #[expect(clippy::unwrap_used, reason = "constants, which a test compiles")]
        Regex::new(shape).unwrap()
    });
    compiled.collect()
});

/// True if a text has the shape of a file that holds secrets.
pub(super) fn has_shape(text: &str) -> bool {
    let mut shapes = SHAPES.iter().zip(COMPILED.iter());
    shapes.any(|((word, _), shape)| text.contains(word) && shape.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_shape() {
        let hex = "0123456789abcdef".repeat(4);
        for text in [
            "{\"users\":[{\"user\":{\"client-key-data\":\"TFMwdExTMUNSVWRKVGlCRlF5QlFVa2xXUVZSRklFdEZXUzB0\"}}]}",
            "config:\n  a:b:\n    secure: AAABAA\nencryptionsalt: v1:abc=:v1:def\n",
            "{\"encrypted\":false,\"items\":[{\"login\":{\"password\":\"hunter2\"}}]}",
            "{\"version\":3,\"crypto\":{\"ciphertext\":\"ab\",\"kdf\":\"scrypt\"}}",
            "name,url,username,password\nsite,https://x.example,ada,hunter2\n",
            "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nAAAA\n",
            "PuTTY-User-Key-File-3: ssh-ed25519\nPublic-Lines: 2\nAAAA\nPrivate-Lines: 1\nAAAA\n",
            &format!("-----BEGIN OpenVPN Static key V1-----\n{hex}\n"),
            &format!("untrusted comment: minisign encrypted secret key\n{hex}\n"),
            "default login ada password hunter2\n",
            "db.example:5432:app:ada:hunter2\n",
            "[client]\nuser=root\npassword=hunter2\n",
            "network={\n  ssid=\"a\"\n  psk=\"hunter2hunter2\"\n}\n",
            ": PSK \"hunter2hunter2\"\n",
            "ada:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n",
            "users:\n  - \"ada:$2y$05$abcdefghijklmnop\"\n",
            &format!("\"app\" \"md5{}\"\n", &hex[..32]),
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ\n\" RATE_LIMIT 3 30\n\" TOTP_AUTH\n",
            "seed phrase: abandon ability able about above absent absorb abstract absurd abuse access accident\n",
            "<settings><servers><server><password>hunter2</password></server></servers></settings>",
            "full address:s:h\npassword 51:b:01000000D08C9DDF\n",
            "<AutoLogon><Password><Value>hunter2</Value></Password></AutoLogon>",
            "<Properties cpassword=\"j1Uyj3Vx8TY9LtLZ\" userName=\"x\"/>",
            "<Server><Pass encoding=\"base64\">aHVudGVyMg==</Pass></Server>",
        ] {
            assert!(has_shape(text), "{text}");
        }
    }

    #[test]
    fn files_that_only_resemble_them_have_no_such_shape() {
        for text in [
            "id,name,email\n1,ada,ada@example.org\n",
            "10:4000:a:b:c d\n",
            "kind: ConfigMap\ndata:\n  users: a\n",
            "[client]\nuser=root\n",
            "<servers><server><password>${env.PASSWORD}</password></server></servers>",
            "the seed phrase: twelve words, which are chosen at random.\n",
            "untrusted comment: minisign public key 0123\nRWQf6LRCGA9i5\n",
            "encryption is on; users: none\n",
        ] {
            assert!(!has_shape(text), "{text}");
        }
    }
}

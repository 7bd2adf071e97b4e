//! The programs that take a secret on their command line, and where on it.

/// A program, or a word after which one takes a secret.
#[derive(Debug)]
pub(in crate::platform::redact) struct SecretProgram {
    /// The word.
    pub(super) name: &'static str,
    /// Three bytes of it that few other words have, which are looked for.
    pub(in crate::platform::redact::rules) anchor: [u8; 3],
    /// Where they stand in the word.
    pub(super) offset: usize,
    /// True if the word may go on: `mysqldump`.
    pub(super) is_family: bool,
    /// Words of which one has to stand before it in the same command; none has to when there are none.
    pub(super) after: &'static str,
    /// Where the secret stands.
    pub(super) takes: Takes,
}

/// Where a secret stands on a command line.
#[derive(Clone, Copy, Debug)]
pub(super) enum Takes {
    /// After one of these options.
    Options(&'static [CommandOption]),
    /// The word after this one.
    Next,
    /// In the word of which this is the beginning, after this sign.
    Rest(u8),
    /// The password of `htpasswd -b`: the last of two or three operands.
    Htpasswd,
    /// The word after one of these words and a name.
    AfterName(&'static str),
    /// The word after one of these words.
    AfterWord(&'static str),
    /// The last of so many operands after these words, which may be none.
    Operand(&'static str, usize),
    /// In each operand after these words, what stands after this sign.
    Fields(&'static str, u8),
    /// The word in quotes after one of these words.
    Quoted(&'static str),
}

/// An option whose value is, or holds, a secret.
#[derive(Debug)]
pub(super) struct CommandOption {
    /// The option with its dashes.
    pub(super) name: &'static str,
    /// Where its value stands.
    pub(super) place: ValuePlace,
    /// The sign between a name and a password in its value; zero when all of it is one.
    pub(super) sign: u8,
}

/// Where the value of an option stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValuePlace {
    /// In the same word, after the option.
    Attached,
    /// In the next word.
    Apart,
    /// In the one or the other.
    Either,
}

pub(super) const fn secret(name: &'static str, place: ValuePlace) -> CommandOption {
    CommandOption {
        name,
        place,
        sign: 0,
    }
}

pub(super) const fn pair(name: &'static str, sign: u8) -> CommandOption {
    CommandOption {
        name,
        place: ValuePlace::Either,
        sign,
    }
}

pub(super) const fn program(
    name: &'static str,
    anchor: [u8; 3],
    offset: usize,
    takes: Takes,
) -> SecretProgram {
    SecretProgram {
        name,
        anchor,
        offset,
        is_family: false,
        after: "",
        takes,
    }
}

impl SecretProgram {
    /// All programs whose names begin with this one.
    pub(super) const fn family(mut self) -> Self {
        self.is_family = true;
        self
    }

    /// One that counts after one of these words alone.
    pub(super) const fn after(mut self, words: &'static str) -> Self {
        self.after = words;
        self
    }
}

const ATTACHED: &[CommandOption] = &[secret("-p", ValuePlace::Attached)];
pub(super) const SMALL_P: &[CommandOption] = &[secret("-p", ValuePlace::Either)];
const LARGE_P: &[CommandOption] = &[secret("-P", ValuePlace::Either)];
const SMALL_A: &[CommandOption] = &[secret("-a", ValuePlace::Either)];
const SMALL_W: &[CommandOption] = &[secret("-w", ValuePlace::Either)];
const CURL: &[CommandOption] = &[
    pair("-u", b':'),
    pair("-U", b':'),
    pair("--user", b':'),
    pair("--proxy-user", b':'),
    pair("-E", b':'),
    pair("--cert", b':'),
    pair("-b", b'='),
    pair("--cookie", b'='),
];
const HTTPIE: &[CommandOption] = &[pair("-a", b':'), pair("--auth", b':')];
const LFTP: &[CommandOption] = &[pair("-u", b','), pair("--user", b',')];
const SAMBA: &[CommandOption] = &[pair("-U", b'%'), pair("--user", b'%')];
const ARCHIVE: &[CommandOption] = &[
    secret("-p", ValuePlace::Attached),
    secret("-hp", ValuePlace::Attached),
];
const SNMP: &[CommandOption] = &[
    secret("-A", ValuePlace::Apart),
    secret("-c", ValuePlace::Apart),
    secret("-X", ValuePlace::Apart),
];
/// Programs with a `login`.
const LOGINS: &str =
    "docker podman nerdctl buildah skopeo helm oras crane oc az argocd regctl finch cf";
const PATCH: &[CommandOption] = &[
    secret("-p", ValuePlace::Either),
    secret("--patch", ValuePlace::Either),
];
const BODY: &[CommandOption] = &[
    secret("-b", ValuePlace::Either),
    secret("--body", ValuePlace::Either),
];
const KEYCHAIN: &[CommandOption] = &[
    secret("-w", ValuePlace::Apart),
    secret("-P", ValuePlace::Apart),
];
const AZURE: &[CommandOption] = &[secret("--value", ValuePlace::Either)];
const SMALL_K: &[CommandOption] = &[
    secret("-k", ValuePlace::Apart),
    secret("-K", ValuePlace::Apart),
];
const TSIG: &[CommandOption] = &[pair("-y", b':')];
const PUTTY: &str = "plink pscp psftp putty winscp kitty";

/// All of them.
pub(in crate::platform::redact::rules) const PROGRAMS: &[SecretProgram] = &[
    program("mysql", *b"ysq", 1, Takes::Options(ATTACHED)).family(),
    program("mysqlsh", *b"lsh", 4, Takes::Fields("", b':')),
    program("mycli", *b"myc", 0, Takes::Options(SMALL_P)),
    program("mariadb", *b"iad", 3, Takes::Options(ATTACHED)).family(),
    program("sshpass", *b"shp", 1, Takes::Options(SMALL_P)),
    program("login", *b"ogi", 1, Takes::Options(SMALL_P)).after(LOGINS),
    program("curl", *b"url", 1, Takes::Options(CURL)),
    program("redis-cli", *b"-cl", 5, Takes::Options(SMALL_A)),
    program("valkey-cli", *b"-cl", 6, Takes::Options(SMALL_A)),
    program("keydb-cli", *b"-cl", 5, Takes::Options(SMALL_A)),
    program("htpasswd", *b"htp", 0, Takes::Htpasswd),
    program("mosquitto_passwd", *b"squ", 2, Takes::Htpasswd),
    program("mosquitto_pub", *b"squ", 2, Takes::Options(LARGE_P)),
    program("mosquitto_sub", *b"squ", 2, Takes::Options(LARGE_P)),
    program("mongo", *b"ngo", 2, Takes::Options(SMALL_P)).family(),
    program("smbclient", *b"smb", 0, Takes::Options(SAMBA)),
    program("ldap", *b"lda", 0, Takes::Options(SMALL_W)).family(),
    program("sqlcmd", *b"lcm", 2, Takes::Options(LARGE_P)),
    program("bcp", *b"bcp", 0, Takes::Options(LARGE_P)),
    program("tsql", *b"tsq", 0, Takes::Options(LARGE_P)),
    program("zip", *b"zip", 0, Takes::Options(LARGE_P)),
    program("unzip", *b"nzi", 1, Takes::Options(LARGE_P)),
    program("7z", *b"7z ", 0, Takes::Options(ARCHIVE)),
    program("7z", *b"7z\"", 0, Takes::Options(ARCHIVE)),
    program("7za", *b"7za", 0, Takes::Options(ARCHIVE)),
    program("rar", *b"rar", 0, Takes::Options(ARCHIVE)),
    program("unrar", *b"nra", 1, Takes::Options(ARCHIVE)),
    program("snmp", *b"snm", 0, Takes::Options(SNMP)).family(),
    program("ipmitool", *b"pmi", 1, Takes::Options(LARGE_P)),
    program("cqlsh", *b"cql", 0, Takes::Options(SMALL_P)),
    program("lftp", *b"lft", 0, Takes::Options(LFTP)),
    program("http", *b"tp ", 2, Takes::Options(HTTPIE)),
    program("http", *b"tp\"", 2, Takes::Options(HTTPIE)),
    program("https", *b"ps ", 3, Takes::Options(HTTPIE)),
    program("xh", *b"xh ", 0, Takes::Options(HTTPIE)),
    program("xhs", *b"xhs", 0, Takes::Options(HTTPIE)),
    program("twine", *b"twi", 0, Takes::Options(SMALL_P)),
    program("poetry", *b"poe", 0, Takes::Options(SMALL_P)),
    program(
        "rabbitmqctl",
        *b"bbi",
        2,
        Takes::AfterName("add_user change_password authenticate_user"),
    ),
    program("-pw", *b"-pw", 0, Takes::Next).after(PUTTY),
    program("/p:", *b"/p:", 0, Takes::Rest(0)).after("xfreerdp wfreerdp wlfreerdp sdl-freerdp"),
    program("from-literal=", *b"m-l", 3, Takes::Rest(b'=')),
    program("--from-literal", *b"m-l", 5, Takes::Fields("", b'=')),
    program("secret", *b"ecr", 1, Takes::Options(PATCH)).after("patch"),
    program("secrets", *b"ecr", 1, Takes::Options(PATCH)).after("patch"),
    program("secret", *b"ecr", 1, Takes::Options(BODY)).after("gh"),
    program("secret", *b"ecr", 1, Takes::Options(AZURE)).after("keyvault"),
    program("security", *b"ity", 5, Takes::Options(KEYCHAIN)),
    program("openssl", *b"nss", 3, Takes::Options(SMALL_K)),
    program("pass:", *b"ss:", 2, Takes::Rest(0)).after("openssl keytool"),
    program("kv", *b"kv ", 0, Takes::Fields("put", b'=')).after("vault"),
    program("kv", *b"kv ", 0, Takes::Fields("patch", b'=')).after("vault"),
    program("cargo", *b"rgo", 2, Takes::Operand("login", 1)),
    program("snyk", *b"sny", 0, Takes::Operand("auth", 1)),
    program("bw", *b"bw ", 0, Takes::Operand("unlock", 1)),
    program("bw", *b"bw ", 0, Takes::Operand("login", 2)),
    program("unseal", *b"nse", 1, Takes::Operand("", 1)).after("vault"),
    program("vault", *b"aul", 1, Takes::Operand("login", 1)),
    program("mc", *b"mc ", 0, Takes::Operand("alias set", 4)),
    program("wpa_passphrase", *b"wpa", 0, Takes::Operand("", 2)),
    program(
        "ansible-vault",
        *b"e-v",
        6,
        Takes::Operand("encrypt_string", 1),
    ),
    program(
        "nmcli",
        *b"nmc",
        0,
        Takes::AfterWord("password wifi-sec.psk 802-11-wireless-security.psk"),
    ),
    program("sqlplus", *b"qlp", 1, Takes::Fields("", b'/')),
    program("nsupdate", *b"nsu", 0, Takes::Options(TSIG)),
    program("rclone", *b"rcl", 0, Takes::Operand("obscure", 1)),
];

/// The commands that print what they are given, three bytes of each that are looked for, and where these
/// stand in it.
pub(in crate::platform::redact::rules) const PRINTERS: &[(&str, &[u8; 3], usize)] = &[
    ("echo", b"ech", 0),
    ("printf", b"ntf", 3),
    ("Write-Output", b"e-O", 4),
];

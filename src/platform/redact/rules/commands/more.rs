//! More programs: those whose secret stands after a word, or as an operand of a subcommand.

use crate::platform::redact::rules::commands::programs::{
    CommandOption, SMALL_P, SecretProgram, Takes, ValuePlace, pair, program, secret,
};

const WITH_KEY: &[CommandOption] = &[
    secret("-k", ValuePlace::Apart),
    secret("--api-key", ValuePlace::Either),
    secret("-p", ValuePlace::Apart),
];
const SECRET_STRING: &[CommandOption] = &[secret("--secret-string", ValuePlace::Either)];
const VALUE: &[CommandOption] = &[secret("--value", ValuePlace::Either)];
const SMALL_T: &[CommandOption] = &[secret("-t", ValuePlace::Apart)];
const APART: &[CommandOption] = &[secret("-p", ValuePlace::Apart)];
const AUTH: &[CommandOption] = &[secret("--auth", ValuePlace::Either)];
const PHRASES: &[CommandOption] = &[
    secret("-N", ValuePlace::Apart),
    secret("-P", ValuePlace::Apart),
];
const ETCD: &[CommandOption] = &[pair("--user", b':')];
const NEW_PASSWORD: &[CommandOption] = &[
    secret("-s", ValuePlace::Apart),
    secret("-a", ValuePlace::Apart),
];

/// All of these.
pub(in crate::platform::redact::rules) const MORE_PROGRAMS: &[SecretProgram] = &[
    // Stores of secrets and of settings.
    program("vault", *b"aul", 1, Takes::Fields("write", b'=')),
    program("consul", *b"nsu", 2, Takes::Operand("kv put", 2)),
    program("etcdctl", *b"tcd", 1, Takes::Operand("put", 2)),
    program("etcdctl", *b"tcd", 1, Takes::Options(ETCD)),
    program("secretsmanager", *b"tsm", 5, Takes::Options(SECRET_STRING)),
    program("put-parameter", *b"t-p", 2, Takes::Options(VALUE)),
    program("config:set", *b"g:s", 5, Takes::Fields("", b'=')),
    program("config:add", *b"g:a", 5, Takes::Fields("", b'=')),
    program("env:set", *b"v:s", 2, Takes::Operand("", 2)),
    program("secrets", *b"ecr", 1, Takes::Fields("set", b'=')),
    program("secrets", *b"ecr", 1, Takes::Operand("set", 2)).after("doppler infisical"),
    program("variables", *b"ria", 2, Takes::Fields("set", b'=')).after("railway"),
    program("--secret", *b"--s", 0, Takes::Operand("", 2)).after("pulumi"),
    program("chamber", *b"ham", 1, Takes::Operand("write", 3)),
    program("conjur", *b"nju", 2, Takes::AfterWord("-v --value")),
    program("akeyless", *b"eyl", 2, Takes::AfterWord("-v --value")),
    program("[password]=", *b"[pa", 0, Takes::Rest(0)),
    // Services of the cloud, and tools of builds.
    program("netlify", *b"etl", 1, Takes::Options(AUTH)),
    program("doctl", *b"oct", 1, Takes::Options(SMALL_T)),
    program("codecov", *b"cov", 4, Takes::Options(SMALL_T)),
    program("cf", *b"cf ", 0, Takes::Operand("set-env", 3)),
    program("cf", *b"cf ", 0, Takes::Operand("auth", 2)),
    program("cf", *b"cf ", 0, Takes::Operand("create-user", 2)),
    program("authtoken", *b"hto", 3, Takes::Next).after("ngrok"),
    program(
        "cloudflared",
        *b"dfl",
        4,
        Takes::Operand("service install", 1),
    ),
    program(":_authToken", *b":_a", 0, Takes::Next),
    program(":_auth", *b":_a", 0, Takes::Next),
    program(":_password", *b":_p", 0, Takes::Next),
    program("poetry", *b"poe", 0, Takes::Operand("config", 3)),
    program("pypi-token", *b"i-t", 3, Takes::Operand("", 2)),
    program("composer", *b"mpo", 2, Takes::Operand("config", 3)),
    program("github-oauth", *b"b-o", 5, Takes::Operand("", 2)),
    program("setapikey", *b"tap", 2, Takes::Next),
    program("setApiKey", *b"tap", 2, Takes::Next),
    program("nuget", *b"uge", 1, Takes::Options(WITH_KEY)),
    program("user-secrets", *b"r-s", 3, Takes::Operand("set", 2)),
    program("altool", *b"lto", 1, Takes::Options(APART)),
    program("unlock-keychain", *b"k-k", 5, Takes::Options(APART)),
    program("create-keychain", *b"e-k", 5, Takes::Options(APART)),
    program("signtool", *b"gnt", 2, Takes::AfterWord("/p /P")),
    program("twilio", *b"wil", 1, Takes::Options(APART)),
    // Databases and queues.
    program("impdp", *b"mpd", 1, Takes::Fields("", b'/')),
    program("expdp", *b"xpd", 1, Takes::Fields("", b'/')),
    program("isql", *b"isq", 0, Takes::Operand("", 3)),
    program("cypher-shell", *b"r-s", 5, Takes::Options(SMALL_P)),
    program("redis-cli", *b"-cl", 5, Takes::AfterWord("AUTH auth")),
    program("redis-cli", *b"-cl", 5, Takes::Operand("auth default", 1)),
    program("redis-cli", *b"-cl", 5, Takes::Operand("AUTH default", 1)),
    program("rabbitmqadmin", *b"qad", 7, Takes::Options(APART)),
    program("PASSWORD(", *b"RD(", 6, Takes::Rest(0)),
    program("PRAGMA key=", *b"A k", 5, Takes::Rest(0)),
    program("PRAGMA key = ", *b"A k", 5, Takes::Rest(0)),
    program("identified", *b"fie", 6, Takes::Quoted("by BY")),
    program("IDENTIFIED", *b"fie", 6, Takes::Quoted("by BY")),
    program("mc", *b"mc ", 0, Takes::Operand("config host add", 4)),
    program(
        "rclone",
        *b"rcl",
        0,
        Takes::AfterWord("secret_access_key pass password client_secret token"),
    ),
    // Users and machines.
    program("usermod", *b"erm", 2, Takes::Options(APART)),
    program("useradd", *b"era", 2, Takes::Options(APART)),
    program("net", *b"et ", 1, Takes::Operand("user", 2)),
    program("net", *b"et ", 1, Takes::Operand("use", 3)),
    program("psexec", *b"sex", 1, Takes::Options(APART)),
    program("PsExec", *b"sex", 1, Takes::Options(APART)),
    program("rdesktop", *b"rde", 0, Takes::Options(APART)),
    program("ncftp", *b"cft", 1, Takes::Options(APART)).family(),
    program("ldappasswd", *b"ppa", 3, Takes::Options(NEW_PASSWORD)),
    program("iwconfig", *b"iwc", 0, Takes::AfterWord("key")),
    program("schtasks", *b"hta", 2, Takes::AfterWord("/rp /RP")),
    program("ConvertTo-SecureString", *b"o-s", 8, Takes::Operand("", 1)),
    program("convertto-securestring", *b"o-s", 8, Takes::Operand("", 1)),
    // Keys, archives and documents.
    program("ssh-keygen", *b"-ke", 3, Takes::Options(PHRASES)),
    program("veracrypt", *b"acr", 3, Takes::Options(APART)),
    program("steghide", *b"egh", 2, Takes::Options(APART)),
    program("qpdf", *b"qpd", 0, Takes::AfterWord("--encrypt")),
    program(
        "pdftk",
        *b"dft",
        1,
        Takes::AfterWord("user_pw owner_pw input_pw"),
    ),
    program("pdfto", *b"dft", 1, Takes::AfterWord("-upw -opw")).family(),
    program("swaks", *b"swa", 0, Takes::AfterWord("-ap")),
    program("sendemail", *b"dem", 3, Takes::AfterWord("-xp")),
    program("sendEmail", *b"dem", 3, Takes::AfterWord("-xp")),
    program("irssi", *b"rss", 1, Takes::AfterWord("-w")),
];

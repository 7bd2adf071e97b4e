//! Requests of programs that talk HTTP.

use crate::policy::judge::call::{Call, Stdin};
use crate::policy::judge::scopes::options::{Given, Grammar};
use crate::policy::scope::ActionScope;

/// The longest address that is read, in bytes.
const MAX_ADDRESS: usize = 2_048;
/// The longest method, in bytes.
const MAX_METHOD: usize = 16;

const CURL: Grammar = Grammar {
    free: &[
        "-s",
        "--silent",
        "-S",
        "--show-error",
        "-f",
        "--fail",
        "--fail-with-body",
        "-v",
        "--verbose",
        "-i",
        "--include",
        "--compressed",
        "-N",
        "--no-buffer",
        "-4",
        "--ipv4",
        "-6",
        "--ipv6",
        "--http1.1",
        "--http2",
    ],
    telling: &[
        "-G",
        "--get",
        "-I",
        "--head",
        "-L",
        "--location",
        "-k",
        "--insecure",
    ],
    valued: &[
        "-X",
        "--request",
        "-d",
        "--data",
        "--data-ascii",
        "--data-raw",
        "--data-binary",
        "--data-urlencode",
        "--json",
        "-F",
        "--form",
        "--form-string",
        "-H",
        "--header",
        "-A",
        "--user-agent",
        "-e",
        "--referer",
        "-m",
        "--max-time",
        "--connect-timeout",
        "--retry",
        "--retry-delay",
        "-o",
        "--output",
        "-w",
        "--write-out",
        "-b",
        "--cookie",
        "-u",
        "--user",
        "--url",
    ],
};

const WGET: Grammar = Grammar {
    free: &[
        "-q",
        "--quiet",
        "--no-verbose",
        "-v",
        "--verbose",
        "-S",
        "--server-response",
        "-4",
        "--inet4-only",
        "-6",
        "--inet6-only",
    ],
    telling: &["--no-check-certificate"],
    valued: &[
        "-O",
        "--output-document",
        "--method",
        "--post-data",
        "--body-data",
        "--header",
        "-T",
        "--timeout",
        "-t",
        "--tries",
        "-U",
        "--user-agent",
    ],
};

const HTTPIE: Grammar = Grammar {
    free: &[
        "-v",
        "--verbose",
        "-b",
        "--body",
        "-h",
        "--headers",
        "-j",
        "--json",
        "-f",
        "--form",
        "--ignore-stdin",
    ],
    telling: &[],
    valued: &[],
};

/// Options of curl that read a file when their value begins with `@`.
const AT_READS: &[&str] = &[
    "-d",
    "--data",
    "--data-ascii",
    "--data-raw",
    "--data-binary",
    "--json",
    "-H",
    "--header",
];

/// Parts of names of headers that make it a request of another method or to another place.
const TURNING: &[&str] = &[
    "host",
    "method",
    "override",
    "forwarded",
    "original",
    "rewrite",
    "proxy",
    "connection",
    "upgrade",
    "encoding",
    "length",
    "destination",
];

/// True if a header may turn a request into another one.
fn turns(header: &str) -> bool {
    // `:authority` and its like are what HTTP/2 has in place of a first line.
    if header.trim_start().starts_with(':') || header.contains(is_control) {
        return true;
    }
    let name = header
        .split([':', ';'])
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    // `Accept-Encoding` asks for nothing else.
    !name.starts_with("accept") && TURNING.iter().any(|part| name.contains(part))
}

fn is_control(c: char) -> bool {
    c.is_control()
}

/// True for an option of a body, which may hold anything.
fn is_body(option: &str) -> bool {
    matches!(
        option,
        "-d" | "-F" | "--json" | "--post-data" | "--body-data"
    ) || option.starts_with("--data")
        || option.starts_with("--form")
}

/// Reads the method and the address of a request.
type RequestReader = fn(&Given<'_>) -> Option<(String, String)>;

/// The method and the server of a request that holds no file.
pub(super) fn request(call: &Call) -> Option<ActionScope> {
    let (grammar, read): (_, RequestReader) = match call.program.as_str() {
        "curl" => (CURL, curl),
        "wget" => (WGET, wget),
        // These send their input.
        "http" | "https" | "xh" | "xhs" if call.stdin == Stdin::Nothing => (HTTPIE, httpie),
        _ => return None,
    };
    // A pattern may become more words; in an address it cannot change the server.
    let splits = |text: &str| !text.contains("://");
    if call.args.iter().any(|arg| arg.glob && splits(&arg.text)) {
        return None;
    }
    let mut given = grammar.read(&call.args)?;
    // The end of a line within a header begins another one, or another request.
    let mut values = given.values.iter();
    if values.any(|(name, value)| !is_body(name) && value.contains(is_control)) {
        return None;
    }
    if given.of(&["-H", "--header"]).into_iter().any(turns) {
        return None;
    }
    let (method, address) = read(&given)?;
    for implied in ["-G", "--get", "-I", "--head"] {
        given.telling.remove(implied);
    }
    let is_method = (1..=MAX_METHOD).contains(&method.len())
        && method.bytes().all(|byte| byte.is_ascii_uppercase());
    let origin = origin(&address).filter(|_| is_method)?;
    Some(ActionScope::Request {
        program: call.program.clone(),
        method,
        origin,
        options: given.telling,
    })
}

fn curl(given: &Given<'_>) -> Option<(String, String)> {
    let reads = |names: &[&str], is: fn(&str) -> bool| given.of(names).into_iter().any(is);
    let reads_file = reads(AT_READS, |value| value.starts_with('@'))
        || reads(&["--data-urlencode"], |value| value.contains('@'))
        || reads(&["-F", "--form"], |value| value.contains(['@', '<']))
        || reads(&["-w", "--write-out"], |value| {
            value.starts_with('@') || value.contains("%output")
        })
        || reads(&["-b", "--cookie"], |value| !value.contains('='));
    let mut addresses = given.of(&["--url"]);
    addresses.extend(&given.operands);
    let ([address], false) = (addresses.as_slice(), reads_file) else {
        return None;
    };
    let has_body = given.values.iter().any(|(name, _)| is_body(name));
    let (is_head, is_get) = (
        given.tells(&["-I", "--head"]),
        given.tells(&["-G", "--get"]),
    );
    let implied = match (is_head, has_body && !is_get) {
        (true, _) if has_body || is_get => return None,
        (true, _) => "HEAD",
        (false, true) => "POST",
        (false, false) => "GET",
    };
    let methods = given.of(&["-X", "--request"]);
    let method = match methods.as_slice() {
        [] => implied,
        [method] if !is_head => *method,
        _ => return None,
    };
    Some((method.to_owned(), (*address).to_owned()))
}

fn wget(given: &Given<'_>) -> Option<(String, String)> {
    let [address] = given.operands[..] else {
        return None;
    };
    let method = match (
        &given.of(&["--method"])[..],
        &given.of(&["--post-data"])[..],
    ) {
        ([method], []) => *method,
        ([], [_]) => "POST",
        ([], []) => "GET",
        _ => return None,
    };
    Some((method.to_owned(), address.to_owned()))
}

fn httpie(given: &Given<'_>) -> Option<(String, String)> {
    let is_method = |word: &str| word.bytes().all(|byte| byte.is_ascii_uppercase());
    // `Name:value` is a header; `name:=value` and `name=a:b` are none.
    let is_header = |item: &str| item.find(':') < item.find('=').or(Some(usize::MAX));
    match given.operands[..] {
        [address] => Some(("GET".to_owned(), address.to_owned())),
        // `@` in an item reads a file; without a method the items decide which it is.
        [method, address, ref items @ ..]
            if is_method(method)
                && !items
                    .iter()
                    .any(|item| item.contains('@') || (is_header(item) && turns_item(item))) =>
        {
            Some((method.to_owned(), address.to_owned()))
        }
        _ => None,
    }
}

/// True if an item of a request may turn it into another one. A backslash takes away what a sign means.
fn turns_item(item: &str) -> bool {
    item.contains('\\') || turns(item)
}

/// Scheme, host and port of an address, written in one way; none when programs could read it differently,
/// or when it names a user.
fn origin(address: &str) -> Option<String> {
    let odd = |c: char| {
        !c.is_ascii_graphic() || matches!(c, '@' | '\\' | '{' | '}' | '[' | ']' | '|' | '^' | '`')
    };
    if address.len() > MAX_ADDRESS || address.contains(odd) {
        return None;
    }
    let (scheme, rest) = address.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let usual = match scheme.as_str() {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            (host, port.parse::<u16>().ok()?)
        }
        Some(_) => return None,
        None => (authority, usual),
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    if host.is_empty() || host.starts_with(['.', '-']) || !host.bytes().all(plain) {
        return None;
    }
    let host = host.to_ascii_lowercase();
    Some(if port == usual {
        format!("{scheme}://{host}")
    } else {
        format!("{scheme}://{host}:{port}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_server_or_none() {
        for (address, server) in [
            ("https://api.x.invalid/a?b#c", Some("https://api.x.invalid")),
            ("HTTPS://API.x.invalid:443", Some("https://api.x.invalid")),
            ("http://x.invalid:8080/", Some("http://x.invalid:8080")),
            ("http://x.invalid:080/", Some("http://x.invalid")),
            ("https://api.x.invalid@evil.invalid", None),
            ("https://evil.invalid?@api.x.invalid", None),
            ("https://evil.invalid\\@api.x.invalid", None),
            ("https://{a,b}.invalid", None),
            ("https://[::1]/", None),
            ("https:///x", None),
            ("https://x.invalid:/", None),
            ("https://x.invalid:99999/", None),
            ("ftp://x.invalid", None),
            ("x.invalid/a", None),
        ] {
            assert_eq!(origin(address).as_deref(), server, "{address}");
        }
    }
}

//! A connection through a run's proxy for programs that know none, such as `ssh`: this program, started
//! within the sandbox, passes on what comes in and goes out.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::process::ExitCode;

/// The first argument of a tunnel; the proxy's port, the host and the port follow.
pub const ARGUMENT: &str = "__tunnel";

/// The longest head of the proxy's answer, in bytes.
const HEAD_BYTES: usize = 8 * 1024;

/// Acts as a tunnel when this program was started as one.
pub fn main_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next()? != ARGUMENT {
        return None;
    }
    let [proxy, host, port] = [arguments.next()?, arguments.next()?, arguments.next()?];
    let code = match pass_on(&proxy, &host, &port) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do when that cannot be said either.
            let _told = writeln!(std::io::stderr(), "no connection to {host}:{port}: {error}");
            ExitCode::FAILURE
        }
    };
    Some(code)
}

fn pass_on(proxy: &str, host: &str, port: &str) -> std::io::Result<()> {
    let proxy: u16 = proxy.parse().map_err(std::io::Error::other)?;
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy))?;
    write!(
        stream,
        "CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n"
    )?;
    let answer = head(&mut stream)?;
    let first = answer.lines().next().unwrap_or_default();
    if first.split(' ').nth(1) != Some("200") {
        return Err(std::io::Error::other(first.to_owned()));
    }
    let mut outward = stream.try_clone()?;
    std::thread::spawn(move || {
        let _ended = std::io::copy(&mut std::io::stdin().lock(), &mut outward);
        outward.shutdown(Shutdown::Write)
    });
    // Its own buffer would hold back the end of what came.
    let mut buffer = vec![0; 32 * 1024];
    let mut inward = std::io::stdout().lock();
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            read => {
                inward.write_all(buffer.get(..read).unwrap_or_default())?;
                inward.flush()?;
            }
        }
    }
}

/// The head of the answer, and nothing of what follows it.
fn head(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && head.len() < HEAD_BYTES {
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

//! Lines that arrive over a channel without waiting for them.

use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// The reading end of a channel.
#[derive(Debug)]
pub struct ChannelLines {
    channel: UnixStream,
    begun: Vec<u8>,
}

impl ChannelLines {
    /// Reads from this channel.
    pub fn new(channel: UnixStream) -> std::io::Result<Self> {
        channel.set_nonblocking(true)?;
        Ok(Self {
            channel,
            begun: Vec::new(),
        })
    }

    /// The lines that have arrived, and whether more can come.
    pub fn read(&mut self) -> std::io::Result<(Vec<String>, bool)> {
        let mut bytes = [0; 1024];
        let is_open = loop {
            match self.channel.read(&mut bytes) {
                Ok(0) => break false,
                Ok(length) => self.begun.extend(bytes.iter().take(length)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break false,
                Err(error) => return Err(error),
            }
        };
        let mut lines = Vec::new();
        while let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.begun.drain(..=end).collect();
            lines.push(String::from_utf8_lossy(&line).trim_end().to_owned());
        }
        Ok((lines, is_open))
    }
}

impl AsFd for ChannelLines {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}

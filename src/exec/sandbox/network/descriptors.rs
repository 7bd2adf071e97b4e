//! Handing open descriptors from one process to another, over a Unix socket (`unix(7)`, `SCM_RIGHTS`).

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::io::retry_on_intr;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// The longest word that comes with a descriptor, in bytes.
const WORD_BYTES: usize = 256;

/// Sends a word, with the descriptors that go with it: three at most.
pub fn send(
    socket: &UnixStream,
    word: &str,
    descriptors: &[BorrowedFd<'_>],
) -> std::io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    let word = [IoSlice::new(word.as_bytes())];
    retry_on_intr(|| sendmsg(socket, &word, &mut ancillary, SendFlags::NOSIGNAL))?;
    Ok(())
}

/// Receives a word, and the descriptors that came with it. An empty word says that the other end is
/// gone. The kernel never joins a message with descriptors to the one after it.
pub fn receive(socket: &UnixStream) -> std::io::Result<(String, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = [0; WORD_BYTES];
    let flags = RecvFlags::CMSG_CLOEXEC;
    // With a limit of time a signal ends the call, whatever its handler was installed with (`signal(7)`);
    // the end of a child of this process is one.
    let received = retry_on_intr(|| {
        let mut parts = [IoSliceMut::new(&mut bytes)];
        recvmsg(socket, &mut parts, &mut ancillary, flags)
    })?;
    let mut descriptors = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            descriptors.extend(received);
        }
    }
    let word = bytes.get(..received.bytes).unwrap_or_default();
    Ok((String::from_utf8_lossy(word).into_owned(), descriptors))
}

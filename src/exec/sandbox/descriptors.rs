//! Handing open descriptors from one process to another, over a Unix socket (`unix(7)`, `SCM_RIGHTS`).

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// The longest word that comes with a descriptor, in bytes.
const WORD_BYTES: usize = 256;

/// Sends a word, with a descriptor if there is one.
pub fn send(
    socket: &UnixStream,
    word: &str,
    descriptor: Option<BorrowedFd<'_>>,
) -> std::io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let descriptors: Vec<_> = descriptor.into_iter().collect();
    if !descriptors.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
    }
    let word = [IoSlice::new(word.as_bytes())];
    sendmsg(socket, &word, &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Receives a word, and the descriptor that came with it. An empty word says that the other end is
/// gone.
pub fn receive(socket: &UnixStream) -> std::io::Result<(String, Option<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = [0; WORD_BYTES];
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = recvmsg(
        socket,
        &mut [IoSliceMut::new(&mut bytes)],
        &mut ancillary,
        flags,
    )?;
    let descriptor = ancillary.drain().find_map(|message| {
        if let RecvAncillaryMessage::ScmRights(mut descriptors) = message {
            descriptors.next()
        } else {
            None
        }
    });
    let word = bytes.get(..received.bytes).unwrap_or_default();
    Ok((String::from_utf8_lossy(word).into_owned(), descriptor))
}

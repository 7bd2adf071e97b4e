//! Messages of the protocol of SSH agents (`draft-ietf-sshm-ssh-agent`), as far as they are let
//! through.

/// The types of messages.
pub(super) const FAILURE: u8 = 5;
const REQUEST_IDENTITIES: u8 = 11;
const SIGN_REQUEST: u8 = 13;
const EXTENSION: u8 = 27;

/// The extension by which `ssh` tells which host it talks with (`PROTOCOL.agent` of OpenSSH).
const BIND: &[u8] = b"session-bind@openssh.com";

/// The number of a request to sign a user in, and what it says (RFC 4252, section 7).
const USERAUTH_REQUEST: u8 = 50;
const SERVICE: &[u8] = b"ssh-connection";
const METHODS: &[&[u8]] = &[b"publickey", b"publickey-hostbound-v00@openssh.com"];

/// A message that may be let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AgentRequest<'a> {
    /// The public keys.
    Identities,
    /// The host that a session is with.
    Bind(SessionBinding<'a>),
    /// A signature that signs a user in, in this session.
    SignIn {
        /// The session.
        session: &'a [u8],
    },
}

/// The proof of a host that a session is with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SessionBinding<'a> {
    pub(super) host_key: &'a [u8],
    pub(super) session: &'a [u8],
    pub(super) signature: &'a [u8],
}

impl<'a> AgentRequest<'a> {
    /// Reads a message; none for every other one, and for signatures of anything else.
    pub(super) fn read(message: &'a [u8]) -> Option<Self> {
        let mut wire = Wire(message);
        match wire.byte()? {
            REQUEST_IDENTITIES => wire.is_empty().then_some(Self::Identities),
            SIGN_REQUEST => {
                let (key, data) = (wire.string()?, wire.string()?);
                let _flags = wire.take(4)?;
                let session = signed_in(key, data)?;
                wire.is_empty().then_some(Self::SignIn { session })
            }
            EXTENSION if wire.string()? == BIND => {
                let binding = SessionBinding {
                    host_key: wire.string()?,
                    session: wire.string()?,
                    signature: wire.string()?,
                };
                // An agent that is handed on would sign for others.
                let is_forwarded = wire.byte()? != 0;
                (!is_forwarded && wire.is_empty()).then_some(Self::Bind(binding))
            }
            _ => None,
        }
    }
}

/// The session in which a text to be signed signs a user in with this key.
fn signed_in<'a>(key: &[u8], data: &'a [u8]) -> Option<&'a [u8]> {
    let mut wire = Wire(data);
    let session = wire.string()?;
    let is_request = wire.byte()? == USERAUTH_REQUEST;
    let _user = wire.string()?;
    let is_service = wire.string()? == SERVICE;
    let method = wire.string()?;
    let is_signed = wire.byte()? == 1;
    let _algorithm = wire.string()?;
    let is_key = wire.string()? == key;
    if method == METHODS.last().copied().unwrap_or_default() {
        let _host_key = wire.string()?;
    }
    let is_all = METHODS.contains(&method) && wire.is_empty();
    (is_request && is_service && is_signed && is_key && is_all).then_some(session)
}

/// The rest of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wire<'a>(pub(super) &'a [u8]);

impl<'a> Wire<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let length = u32::from_be_bytes(self.take(4)?.try_into().ok()?);
        self.take(usize::try_from(length).ok()?)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(bytes: &[u8]) -> Vec<u8> {
        let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        [length.as_slice(), bytes].concat()
    }

    fn sign_in(session: &[u8], service: &[u8], key: &[u8]) -> Vec<u8> {
        let parts = [
            string(session),
            vec![USERAUTH_REQUEST],
            string(b"git"),
            string(service),
            string(b"publickey"),
            vec![1],
            string(b"ssh-ed25519"),
            string(key),
        ];
        parts.concat()
    }

    fn sign(key: &[u8], data: &[u8]) -> Vec<u8> {
        [vec![SIGN_REQUEST], string(key), string(data), vec![0; 4]].concat()
    }

    #[test]
    fn only_keys_bindings_and_signing_in_are_let_through() {
        assert_eq!(AgentRequest::read(&[11]), Some(AgentRequest::Identities));
        let message = sign(b"key", &sign_in(b"session", SERVICE, b"key"));
        let session = b"session".as_slice();
        assert_eq!(
            AgentRequest::read(&message),
            Some(AgentRequest::SignIn { session })
        );
        let bind = [
            vec![EXTENSION],
            string(BIND),
            string(b"host"),
            string(session),
            string(b"proof"),
        ];
        let bound = |forwarded: u8| [bind.concat(), vec![forwarded]].concat();
        let message = bound(0);
        assert!(matches!(
            AgentRequest::read(&message),
            Some(AgentRequest::Bind(_))
        ));
        for other in [
            Vec::new(),
            vec![11, 0],
            // Removing, locking, adding.
            vec![19],
            [vec![18], string(b"key")].concat(),
            [vec![22], string(b"word")].concat(),
            [vec![17], string(b"ssh-ed25519")].concat(),
            [vec![25], string(b"ssh-ed25519")].concat(),
            [vec![EXTENSION], string(b"query")].concat(),
            bound(1),
            // Other texts than those that sign in.
            sign(b"key", b"SSHSIG"),
            sign(b"key", &sign_in(b"session", b"other", b"key")),
            sign(b"key", &sign_in(b"session", SERVICE, b"another")),
            [sign(b"key", &sign_in(b"session", SERVICE, b"key")), vec![0]].concat(),
            vec![SIGN_REQUEST, 255, 255, 255, 255],
        ] {
            assert_eq!(AgentRequest::read(&other), None, "{other:?}");
        }
    }
}

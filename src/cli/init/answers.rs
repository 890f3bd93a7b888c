//! What was answered.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use clap::ValueEnum;

use super::server::Named;

/// Who will use the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Users {
    /// Only me, on this machine
    Me,
    /// People and programs on my network, each with a key
    Network,
    /// A chat for many people, such as LibreChat, which says who asks
    Chat,
}

/// What was answered.
pub(super) struct Answers {
    pub(super) users: Users,
    pub(super) servers: Vec<Named>,
    pub(super) listen: SocketAddr,
    /// The certificate that it serves HTTPS with, and its key.
    pub(super) tls: Option<[PathBuf; 2]>,
}

impl Users {
    pub(super) const ALL: [Self; 3] = [Self::Me, Self::Network, Self::Chat];

    /// As it is typed.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Me => "me",
            Self::Network => "network",
            Self::Chat => "chat",
        }
    }

    pub(super) fn about(self) -> &'static str {
        match self {
            Self::Me => "only me, on this machine",
            Self::Network => "people and programs on my network, each with a key",
            Self::Chat => "a chat for many people, such as LibreChat, which says who asks",
        }
    }

    /// Where a gateway for those listens, if nothing else is said.
    pub(super) fn usual_address(self) -> SocketAddr {
        let ip = match self {
            Self::Me => Ipv4Addr::LOCALHOST,
            // A chat runs in a container more often than not: from there, this machine is another.
            Self::Network | Self::Chat => Ipv4Addr::UNSPECIFIED,
        };
        SocketAddr::from((ip, 8765))
    }
}

impl Answers {
    /// Whether somebody else could come in without one.
    pub(super) fn needs_key(&self) -> bool {
        self.users != Users::Me || !self.listen.ip().is_loopback()
    }

    pub(super) fn scheme(&self) -> &'static str {
        match self.tls {
            Some(_) => "https",
            None => "http",
        }
    }

    /// Whether keys and answers can be read on their way to other machines.
    pub(super) fn in_the_clear(&self) -> bool {
        self.tls.is_none() && !self.listen.ip().is_loopback()
    }
}

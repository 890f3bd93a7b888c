//! Where a server listens: it can go away, and come back to the same port.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpSocket},
    task::{JoinHandle, JoinSet},
};

use super::peer::Peer;
use crate::{cast::Actor, ledger::Ledger};

/// A server and its port.
pub(crate) struct House {
    pub(crate) address: SocketAddr,
    pub(crate) peer: Arc<Peer>,
    door: Mutex<Door>,
}

enum Door {
    Open(JoinHandle<()>),
    /// The port is kept, and refuses.
    Shut(TcpSocket),
    /// On the way from one to the other.
    Between,
}

impl House {
    /// A server on a port of its own.
    pub(super) fn open(actor: &'static Actor, ledger: Arc<Ledger>) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        // Connections inherit it: then the port can be had again while some of them still end.
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let listener = socket.listen(1024)?;
        let address = listener.local_addr()?;
        let peer = Arc::new(Peer::new(actor, ledger));
        let door = Mutex::new(Door::Open(tokio::spawn(serve(listener, peer.clone()))));
        Ok(Self {
            address,
            peer,
            door,
        })
    }

    fn swap(&self, door: Door) -> Door {
        let mut place = self.door.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut place, door)
    }

    /// Goes away: its connections break, and its port refuses others.
    pub(crate) async fn leave(&self) -> io::Result<()> {
        let Door::Open(serving) = self.swap(Door::Between) else {
            return Ok(());
        };
        serving.abort();
        // It is over, and its listener closed, when this is.
        drop(serving.await);
        self.peer.forget();
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(self.address)?;
        self.swap(Door::Shut(socket));
        Ok(())
    }

    /// Comes back, and has forgotten all sessions.
    pub(crate) fn come_back(&self) -> io::Result<()> {
        match self.swap(Door::Between) {
            Door::Shut(socket) => {
                let listener = socket.listen(1024)?;
                let serving = tokio::spawn(serve(listener, self.peer.clone()));
                self.swap(Door::Open(serving));
            }
            open @ (Door::Open(_) | Door::Between) => drop(self.swap(open)),
        }
        Ok(())
    }
}

async fn serve(listener: TcpListener, peer: Arc<Peer>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        drop(stream.set_nodelay(true));
        let peer = peer.clone();
        let service = service_fn(move |request| peer.clone().answer(request));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        connections.spawn(async move { drop(connection.await) });
        while connections.try_join_next().is_some() {}
    }
}

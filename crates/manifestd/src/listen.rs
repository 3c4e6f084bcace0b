use crate::failure::{Failure, Listener};
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// Listens on an address. `by_default`: nobody chose it.
pub(crate) async fn listen(listener: Listener, address: SocketAddr, by_default: bool) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|source| {
        if source.kind() == io::ErrorKind::AddrInUse {
            Failure::PortInUse { listener, address, by_default }
        } else {
            Failure::Listen { listener, address, source }
        }
    })
}

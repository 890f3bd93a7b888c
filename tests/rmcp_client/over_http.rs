//! Streamable HTTP with no crate that the gateway does not have: rmcp's client over reqwest would
//! bring dozens. The one it has over hyper knows Unix sockets only, so there is one on the way.

use rmcp::transport::{
    StreamableHttpClientTransport, UnixSocketHttpClient,
    streamable_http_client::StreamableHttpClientTransportConfig,
};
use tempfile::TempDir;
use tokio::net::{TcpStream, UnixListener};

use super::Failure;

type Transport = StreamableHttpClientTransport<UnixSocketHttpClient>;

/// The way to the gateway at this URL, open as long as the folder is kept.
pub(super) fn to(url: &str) -> Result<(Transport, TempDir), Failure> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("gateway");
    let socket = UnixListener::bind(&path)?;
    let uri = url.parse::<http::Uri>()?;
    let address = uri.authority().ok_or("no address in the URL")?.to_string();
    tokio::spawn(pass_on(socket, address));

    let client = UnixSocketHttpClient::new(&path.to_string_lossy(), url);
    let config = StreamableHttpClientTransportConfig::with_uri(url);
    let transport = StreamableHttpClientTransport::with_client(client, config);
    Ok((transport, folder))
}

/// Each connection to the socket becomes one to the gateway. A hang-up passes too.
async fn pass_on(socket: UnixListener, address: String) {
    while let Ok((mut client, _)) = socket.accept().await {
        let address = address.clone();
        tokio::spawn(async move {
            let mut gateway = TcpStream::connect(address).await?;
            tokio::io::copy_bidirectional(&mut client, &mut gateway).await
        });
    }
}

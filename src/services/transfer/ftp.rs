//! FTP, passive, and FTPS by AUTH TLS.

use std::sync::Arc;

use suppaftp::{
    FtpError, Status,
    tokio::{AsyncRustlsConnector, AsyncRustlsFtpStream},
    types::FileType,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use super::{Client, MAX_DOWNLOAD, Target, TransferError, patiently};
use crate::{link::tls, protocol::transfer::Protocol};

fn failed(error: FtpError) -> TransferError {
    match error {
        FtpError::UnexpectedResponse(response) => {
            let said = String::from_utf8_lossy(&response.body).trim().chars().take(200).collect::<String>();
            match response.status {
                Status::NotLoggedIn => TransferError::Denied(said),
                _ => TransferError::Failed(said),
            }
        }
        other => TransferError::Failed(other.to_string()),
    }
}

/// A session that is logged in.
async fn session(client: &Client, target: &Target) -> Result<AsyncRustlsFtpStream, TransferError> {
    let socket = client.socket(target).await?;
    let enter = async {
        let mut session = AsyncRustlsFtpStream::connect_with_stream(socket).await.map_err(failed)?;
        if target.protocol == Protocol::Ftps {
            let config = tls::client_config(&client.tls(), client.clock)
                .map_err(|failure| TransferError::Failed(format!("{failure:?}")))?;
            let connector = AsyncRustlsConnector::from(TlsConnector::from(Arc::new(config)));
            session = session.into_secure(connector, &target.host).await.map_err(failed)?;
        }
        let (user, password) = match target.user.as_str() {
            "" => ("anonymous", "anonymous@"),
            user => (user, target.password.as_str()),
        };
        session.login(user, password).await.map_err(failed)?;
        session.transfer_type(FileType::Binary).await.map_err(failed)?;
        // What the server tells of its address may be of a network that is not ours.
        session.set_passive_nat_workaround(true);
        Ok::<_, TransferError>(session)
    };
    tokio::time::timeout(super::PATIENCE, enter)
        .await
        .map_err(|_| TransferError::Failed("the server rejects the login".into()))?
}

pub(super) async fn download(client: &Client, target: &Target) -> Result<Vec<u8>, TransferError> {
    let mut session = session(client, target).await?;
    let mut stream = session.retr_as_stream(&target.path).await.map_err(failed)?;
    let mut content = Vec::new();
    let mut piece = vec![0; 64 * 1024];
    loop {
        let count = stream.read(&mut piece).await.map_err(TransferError::failed)?;
        if count == 0 {
            break;
        }
        if content.len() + count > MAX_DOWNLOAD {
            return Err(TransferError::Failed("it is larger than the limit".into()));
        }
        content.extend_from_slice(piece.get(..count).unwrap_or_default());
    }
    stream.finish().await.map_err(failed)?;
    let _ = patiently(session.quit()).await;
    Ok(content)
}

pub(super) async fn upload(client: &Client, target: &Target, content: Vec<u8>) -> Result<(), TransferError> {
    let mut session = session(client, target).await?;
    let mut stream = session.put_with_stream(&target.path).await.map_err(failed)?;
    stream.write_all(&content).await.map_err(TransferError::failed)?;
    // The server says at the end whether it has taken the file.
    stream.finish().await.map_err(failed)?;
    let _ = patiently(session.quit()).await;
    Ok(())
}

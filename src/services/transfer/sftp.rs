//! SFTP.

use std::sync::Arc;

use russh::{client, keys::PublicKeyOrCertificate};
use russh_sftp::{client::SftpSession, protocol::OpenFlags};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Client, MAX_DOWNLOAD, MAX_TRANSFER, Target, TransferError, patiently};

/// Takes the host key that the server shows: a URL tells none to compare it with.
struct AnyKey;

impl client::Handler for AnyKey {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        Ok(true)
    }
}

/// A session that is logged in; it lasts as long as the connection beside it is held.
async fn session(client: &Client, target: &Target) -> Result<(client::Handle<AnyKey>, SftpSession), TransferError> {
    let socket = client.socket(target).await?;
    let config = Arc::new(client::Config { nodelay: true, ..client::Config::default() });
    let mut connection = patiently(client::connect_stream(config, socket, AnyKey)).await?;
    let answer = patiently(connection.authenticate_password(&target.user, &target.password)).await?;
    if !answer.success() {
        return Err(TransferError::Denied("user name or password is wrong".into()));
    }
    let channel = patiently(connection.channel_open_session()).await?;
    patiently(channel.request_subsystem(true, "sftp")).await?;
    let session = patiently(SftpSession::new(channel.into_stream())).await?;
    session.set_timeout(MAX_TRANSFER.as_secs());
    Ok((connection, session))
}

pub(super) async fn download(client: &Client, target: &Target) -> Result<Vec<u8>, TransferError> {
    let (_connection, session) = session(client, target).await?;
    let mut file = session.open(&target.path).await.map_err(TransferError::failed)?;
    let mut content = Vec::new();
    let limit = MAX_DOWNLOAD as u64 + 1;
    (&mut file).take(limit).read_to_end(&mut content).await.map_err(TransferError::failed)?;
    if content.len() > MAX_DOWNLOAD {
        return Err(TransferError::Failed("it is larger than the limit".into()));
    }
    Ok(content)
}

pub(super) async fn upload(client: &Client, target: &Target, content: Vec<u8>) -> Result<(), TransferError> {
    let (_connection, session) = session(client, target).await?;
    let flags = OpenFlags::CREATE | OpenFlags::TRUNCATE | OpenFlags::WRITE;
    let mut file = session.open_with_flags(&target.path, flags).await.map_err(TransferError::failed)?;
    file.write_all(&content).await.map_err(TransferError::failed)?;
    // Closes it, and waits until the server has it.
    file.shutdown().await.map_err(TransferError::failed)
}

//! One connection to a gateway, and how it ends before its time.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// Aborts one connection.
#[derive(Debug, Clone)]
pub(super) struct ConnectionAbort {
    reset: Arc<AtomicBool>,
    ended: CancellationToken,
}

impl ConnectionAbort {
    /// Aborts one connection; `all` ends every connection of the gateway.
    pub(super) fn new(all: &CancellationToken) -> Self {
        Self { reset: Arc::default(), ended: all.child_token() }
    }

    /// Resets the connection: the peer sees RST and no answer.
    pub(super) fn reset(&self) {
        self.reset.store(true, Ordering::Relaxed);
        self.ended.cancel();
    }

    /// Waits until the connection is to end.
    pub(super) async fn ended(&self) {
        self.ended.cancelled().await;
    }
}

/// A TCP stream that is reset instead of closed when its [`ConnectionAbort`] says so.
#[derive(Debug)]
pub(super) struct GatewayStream {
    stream: TcpStream,
    abort: ConnectionAbort,
}

impl GatewayStream {
    pub(super) fn new(stream: TcpStream, abort: ConnectionAbort) -> Self {
        // Without it a small answer waits for the peer's delayed acknowledgement. Failing to set it
        // costs time, not correctness.
        stream.set_nodelay(true).ok();
        Self { stream, abort }
    }

    /// Whether the peer begins with a TLS handshake. Waits for its first byte.
    pub(super) async fn speaks_tls(&self) -> io::Result<bool> {
        const HANDSHAKE: u8 = 0x16;
        let mut first = [0];
        Ok(self.stream.peek(&mut first).await? == 1 && first[0] == HANDSHAKE)
    }
}

impl Drop for GatewayStream {
    fn drop(&mut self) {
        if self.abort.reset.load(Ordering::Relaxed) {
            // A linger time of zero makes the kernel send RST in place of FIN.
            self.stream.set_zero_linger().ok();
        }
    }
}

impl AsyncRead for GatewayStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for GatewayStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

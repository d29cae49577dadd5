//! Bodies on their way through a gateway: counted, and on request cut short or corrupted.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::Sleep;

use super::record::Entry;

/// How long a body that is cut short rests before the connection ends, so that what was sent
/// before leaves hyper's buffers: closing at once would throw it away.
const LAST_BYTES: Duration = Duration::from_millis(50);

/// What is done to a body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Damage {
    /// The byte after which it ends.
    pub(super) cut: Option<u64>,
    /// The byte that is flipped.
    pub(super) flip: Option<u64>,
}

/// The body of an answer.
#[derive(Debug)]
pub(super) struct ResponseBody {
    source: Source,
    entry: Option<Entry>,
    damage: Damage,
    /// Whether the case says another length than the body's.
    other_length: bool,
    sent: u64,
    rest: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug)]
enum Source {
    Container(Incoming),
    Gateway(Full<Bytes>),
}

impl ResponseBody {
    /// The container's body.
    pub(super) fn container(body: Incoming, damage: Damage, entry: Option<Entry>) -> Self {
        Self {
            source: Source::Container(body),
            entry,
            damage,
            other_length: false,
            sent: 0,
            rest: None,
        }
    }

    /// A body of the gateway's response.
    pub(super) fn gateway(body: impl Into<Bytes>, entry: Option<Entry>) -> Self {
        let source = Source::Gateway(Full::new(body.into()));
        Self { source, entry, damage: Damage::default(), other_length: false, sent: 0, rest: None }
    }

    /// Announces whatever length the headers do. A body that is longer is cut there; after one that
    /// is shorter the connection ends.
    pub(super) fn of_other_length(self) -> Self {
        Self { other_length: true, ..self }
    }

    /// Applies the damage to the next bytes, and counts them.
    fn pass(&mut self, mut bytes: Bytes) -> Bytes {
        if let Some(cut) = self.damage.cut {
            let left = cut.saturating_sub(self.sent);
            bytes.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        }
        if let Some(flip) = self.damage.flip
            && let Some(at) = flip.checked_sub(self.sent)
            && let Ok(at) = usize::try_from(at)
            && at < bytes.len()
        {
            let mut damaged = BytesMut::from(bytes);
            damaged[at] ^= 0x01;
            bytes = damaged.freeze();
        }
        self.sent += bytes.len() as u64;
        if let Some(entry) = &mut self.entry {
            entry.sent(bytes.len());
        }
        bytes
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.damage.cut.is_some_and(|cut| self.sent >= cut) {
            let rest = self.rest.get_or_insert_with(|| Box::pin(tokio::time::sleep(LAST_BYTES)));
            ready!(rest.as_mut().poll(context));
            self.entry = None;
            return Poll::Ready(Some(Err(io::Error::other("cut short on request"))));
        }
        let frame = match &mut self.source {
            Source::Container(body) => ready!(Pin::new(body).poll_frame(context))
                .map(|frame| frame.map_err(io::Error::other)),
            Source::Gateway(body) => ready!(Pin::new(body).poll_frame(context))
                .map(|frame| frame.map_err(|never: Infallible| match never {})),
        };
        Poll::Ready(match frame {
            Some(Ok(frame)) => Some(Ok(frame.map_data(|bytes| self.pass(bytes)))),
            end => {
                self.entry = None;
                end
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.damage.cut.is_none()
            && match &self.source {
                Source::Container(body) => body.is_end_stream(),
                Source::Gateway(body) => body.is_end_stream(),
            }
    }

    fn size_hint(&self) -> SizeHint {
        if self.other_length {
            return SizeHint::default();
        }
        match &self.source {
            Source::Container(body) => body.size_hint(),
            Source::Gateway(body) => body.size_hint(),
        }
    }
}

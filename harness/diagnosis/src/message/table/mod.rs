//! The table of wordings. A new wording is one row in the file of whose words they are.

mod access;
mod containerd;
mod crio;
mod docker;
mod http;
mod kubelet;
mod network;
mod registry;
mod system;
mod tls;
mod unpack;

use crate::message::field;
use crate::message::row::{Origin, Reads, Row, Spot};
use crate::sign::Sign;

/// Returns all rows.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    [
        kubelet::ROWS,
        containerd::ROWS,
        unpack::ROWS,
        crio::ROWS,
        docker::ROWS,
        access::ROWS,
        registry::ROWS,
        network::ROWS,
        http::ROWS,
        tls::ROWS,
        system::ROWS,
    ]
    .into_iter()
    .flatten()
}

/// A row whose words alone say its sign.
const fn is(
    origin: Origin,
    source: &'static str,
    words: &'static str,
    sample: &'static str,
    sign: Sign,
) -> Row {
    Row { source, origin, words, sample, reads: Reads::Is(sign) }
}

/// A row whose words are read together with what stands around them.
const fn with(
    origin: Origin,
    source: &'static str,
    words: &'static str,
    sample: &'static str,
    read: fn(Spot<'_>) -> Option<Sign>,
) -> Row {
    Row { source, origin, words, sample, reads: Reads::With(read) }
}

/// Reads the status after the words, and the address between or, failing that, before them.
fn status_after(spot: Spot<'_>) -> Option<Sign> {
    let code = field::status(spot.after)?;
    let url = field::url(spot.after).or_else(|| field::last_url(spot.before)).map(str::to_owned);
    Some(Sign::Status { code, url })
}

//! Layers: gzipped tar archives, the same bytes for the same files.

use std::io::{self, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::blob::{Blob, digest};

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A layer and the digest of what it unpacks to.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub(super) blob: Blob,
    pub(super) diff_id: String,
}

/// A file of a layer.
pub(super) struct File<'a> {
    pub(super) path: &'a str,
    pub(super) mode: u32,
    pub(super) data: &'a [u8],
}

impl Layer {
    pub(super) fn new(files: &[File<'_>], compression: Compression) -> io::Result<Self> {
        let mut archive = tar::Builder::new(Vec::new());
        for file in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(file.data.len() as u64);
            header.set_mode(file.mode);
            header.set_mtime(0);
            archive.append_data(&mut header, file.path, file.data)?;
        }
        let archive = archive.into_inner()?;
        let mut packed = GzEncoder::new(Vec::with_capacity(archive.len() / 2), compression);
        packed.write_all(&archive)?;
        Ok(Self { blob: Blob::new(LAYER, packed.finish()?), diff_id: digest(&archive) })
    }
}

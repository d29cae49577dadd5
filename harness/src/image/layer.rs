//! Layers: compressed tar archives, the same bytes for the same files.

use std::io::{self, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::blob::{Blob, digest};

const GZIPPED: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

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

/// Files as a tar archive.
pub(super) fn archive(files: &[File<'_>]) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for file in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(file.data.len() as u64);
        header.set_mode(file.mode);
        header.set_mtime(0);
        archive.append_data(&mut header, file.path, file.data)?;
    }
    archive.into_inner()
}

/// Bytes, gzipped.
pub(super) fn gzipped(data: &[u8], compression: Compression) -> io::Result<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::with_capacity(data.len() / 2), compression);
    packed.write_all(data)?;
    packed.finish()
}

impl Layer {
    pub(super) fn new(files: &[File<'_>], compression: Compression) -> io::Result<Self> {
        let archive = archive(files)?;
        let packed = gzipped(&archive, compression)?;
        Ok(Self { blob: Blob::new(GZIPPED, packed), diff_id: digest(&archive) })
    }

    /// A layer of zstd.
    pub(super) fn zstd(files: &[File<'_>]) -> io::Result<Self> {
        let archive = archive(files)?;
        let packed = compress_to_vec(&archive[..], CompressionLevel::Fastest);
        Ok(Self { blob: Blob::new(ZSTD, packed), diff_id: digest(&archive) })
    }
}

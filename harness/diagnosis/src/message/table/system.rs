//! Wordings of the kernel, of file systems and of archive formats, met while content is stored.

use super::{is, with};
use crate::message::row::{Origin::System, Row, Spot};
use crate::sign::Sign;

const ERRNO: &str = "go syscall/zerrors_linux.go";

pub(super) const ROWS: &[Row] = &[
    is(
        System,
        ERRNO,
        "no space left on device",
        "write /var/lib/x: no space left on device",
        Sign::NoSpace,
    ),
    is(
        System,
        ERRNO,
        "disk quota exceeded",
        "mkdir /var/lib/x: disk quota exceeded",
        Sign::NoSpace,
    ),
    is(
        System,
        "Windows",
        "There is not enough space on the disk",
        "There is not enough space on the disk.",
        Sign::NoSpace,
    ),
    is(
        System,
        "moby devicemapper",
        "devmapper: Thin Pool has",
        "devmapper: Thin Pool has 7 free data blocks which is less than minimum required 8 free data blocks.",
        Sign::NoSpace,
    ),
    is(
        System,
        ERRNO,
        "read-only file system",
        "mkdir /var/lib/x: read-only file system",
        Sign::StorageRefused,
    ),
    is(
        System,
        ERRNO,
        "input/output error",
        "read /var/lib/x: input/output error",
        Sign::StorageRefused,
    ),
    is(
        System,
        ERRNO,
        "structure needs cleaning",
        "mkdir /var/lib/x: structure needs cleaning",
        Sign::StorageRefused,
    ),
    is(
        System,
        ERRNO,
        "too many open files",
        "open /var/lib/x: too many open files",
        Sign::StorageRefused,
    ),
    is(System, ERRNO, "too many links", "mkdir /var/lib/x: too many links", Sign::StorageRefused),
    is(
        System,
        ERRNO,
        "cannot allocate memory",
        "fork/exec /usr/bin/unpigz: cannot allocate memory",
        Sign::StorageRefused,
    ),
    is(
        System,
        ERRNO,
        "stale NFS file handle",
        "stat /var/lib/x: stale NFS file handle",
        Sign::StorageRefused,
    ),
    with(
        System,
        ERRNO,
        "operation not permitted",
        "failed to extract layer sha256:1: failed to set xattr: operation not permitted",
        storing,
    ),
    with(
        System,
        ERRNO,
        "permission denied",
        "failed to extract layer sha256:1: mkdir /var/lib/x: permission denied",
        storing,
    ),
    with(
        System,
        ERRNO,
        "invalid argument",
        "failed to extract layer sha256:1: failed to mount /tmp/x: invalid argument",
        storing,
    ),
    with(
        System,
        ERRNO,
        "no such device",
        "failed to extract layer sha256:1: failed to mount /tmp/x: no such device",
        storing,
    ),
    is(
        System,
        "golang archive/tar",
        "archive/tar: invalid tar header",
        "archive/tar: invalid tar header",
        Sign::BadArchive,
    ),
    is(System, "golang compress/gzip", "gzip: invalid", "gzip: invalid checksum", Sign::BadArchive),
    is(
        System,
        "golang compress/flate",
        "flate: corrupt input",
        "flate: corrupt input before offset 1",
        Sign::BadArchive,
    ),
    is(
        System,
        "unpigz",
        "unpigz: skipping",
        "unpigz: skipping: <stdin>: corrupted -- incomplete deflate data",
        Sign::BadArchive,
    ),
    is(
        System,
        "klauspost/compress zstd",
        "magic number mismatch",
        "magic number mismatch",
        Sign::BadArchive,
    ),
    is(
        System,
        "klauspost/compress zstd",
        "invalid input: magic number",
        "invalid input: magic number",
        Sign::BadArchive,
    ),
    is(
        System,
        "moby, containerd",
        "Error processing tar file",
        "Error processing tar file(exit status 1): x",
        Sign::UnpackFailed,
    ),
    is(
        System,
        "containerd, stopping",
        "transport is closing",
        "rpc error: code = Unavailable desc = transport is closing",
        Sign::RuntimeFault,
    ),
    is(
        System,
        "grpc",
        "error while dialing",
        "connection error: desc = \"transport: Error while dialing: x\"",
        Sign::RuntimeFault,
    ),
    with(
        System,
        ERRNO,
        "dial unix ",
        "dial unix /run/containerd/containerd.sock: connect: no such file or directory",
        |spot| spot.after.contains("no such file").then_some(Sign::RuntimeFault),
    ),
    is(System, "boltdb", "database not open", "database not open", Sign::RuntimeFault),
    is(
        System,
        "Go",
        "invalid memory address or nil pointer dereference",
        "runtime error: invalid memory address or nil pointer dereference",
        Sign::RuntimeFault,
    ),
];

/// An errno of the node's own settings, where it ends the storing of a layer.
fn storing(spot: Spot<'_>) -> Option<Sign> {
    let storing = [
        "failed to extract layer",
        "failed to register layer",
        "failed to mount",
        "unpack image on",
        "/var/lib/",
        "read-write layer",
        "committing the finished image",
        "lchown",
    ];
    storing.iter().any(|words| spot.before.contains(words)).then_some(Sign::StorageRefused)
}

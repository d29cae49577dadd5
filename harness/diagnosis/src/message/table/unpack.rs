//! Wordings of containerd 1.1 to 2.4 once it holds the content; files are named as in 2.x.

use super::is;
use crate::message::row::{Origin::Containerd, Row};
use crate::sign::Sign;

const UNPACK: &str = "core/unpack/unpacker.go";

pub(super) const ROWS: &[Row] = &[
    is(
        Containerd,
        UNPACK,
        "failed to unpack image on snapshotter",
        "failed to unpack image on snapshotter overlayfs: x",
        Sign::UnpackFailed,
    ),
    is(
        Containerd,
        UNPACK,
        "failed to extract layer",
        "failed to extract layer sha256:1: x",
        Sign::UnpackFailed,
    ),
    is(
        Containerd,
        UNPACK,
        "apply layer error",
        "apply layer error for \"reg.example.net/a:1\": x",
        Sign::UnpackFailed,
    ),
    is(
        Containerd,
        UNPACK,
        "mismatched image rootfs and manifest layers",
        "mismatched image rootfs and manifest layers",
        Sign::UnsupportedManifest,
    ),
    is(
        Containerd,
        UNPACK,
        "failed to prepare extraction snapshot",
        "failed to prepare extraction snapshot \"x\": y",
        Sign::StoreIncomplete,
    ),
    is(
        Containerd,
        "core/metadata/snapshot.go",
        "missing parent",
        "failed to create active: missing parent bucket",
        Sign::StoreIncomplete,
    ),
    is(
        Containerd,
        "core/content",
        "content digest sha256:",
        "content digest sha256:6e02: not found",
        Sign::StoreIncomplete,
    ),
    is(
        Containerd,
        "core/content/local/locks.go",
        "locked for",
        "ref moby/1/layer-sha256:1 locked for 2m: unavailable",
        Sign::RuntimeFault,
    ),
    is(
        Containerd,
        "core/content/local/locks.go, to 1.5",
        "locked: unavailable",
        "ref k8s.io/1/layer-sha256:1 locked: unavailable",
        Sign::RuntimeFault,
    ),
    is(
        Containerd,
        "client/snapshotter_opts_unix.go",
        "snapshotter not loaded",
        "snapshotter not loaded: overlayfs: invalid argument",
        Sign::NodeConfig,
    ),
    is(
        Containerd,
        "client/client.go",
        "no unpack platforms defined",
        "no unpack platforms defined: invalid argument",
        Sign::NodeConfig,
    ),
];

//! An image as an archive that `ctr images import` reads.

use std::io;

use serde_json::json;

use super::Image;

impl Image {
    /// An OCI image layout (image-layout.md of the OCI image specification) as a tar archive.
    /// containerd imports it under `name`.
    ///
    /// # Errors
    /// Only what writing to memory can fail with.
    pub fn archive(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut top = self.top().descriptor();
        // containerd's own annotation for the whole name (client/import.go).
        top["annotations"] = json!({ "io.containerd.image.name": name });
        let index = json!({ "schemaVersion": 2, "manifests": [top] }).to_string();
        let layout = json!({ "imageLayoutVersion": "1.0.0" }).to_string();
        let mut archive = tar::Builder::new(Vec::new());
        let mut add = |path: &str, data: &[u8]| {
            let mut header = tar::Header::new_ustar();
            header.set_size(data.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, path, data)
        };
        add("oci-layout", layout.as_bytes())?;
        add("index.json", index.as_bytes())?;
        for blob in self.blobs().iter().chain(self.manifests()) {
            add(&blob.digest.replace("sha256:", "blobs/sha256/"), &blob.data)?;
        }
        archive.into_inner()
    }
}

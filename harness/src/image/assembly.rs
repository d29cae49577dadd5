//! An image: its blobs and manifests, put together.

use std::io;

use flate2::Compression;
use rand::rngs::StdRng;
use rand::{Rng as _, RngCore as _, SeedableRng as _};
use serde_json::json;

use super::Arch;
use super::blob::Blob;
use super::elf::executable;
use super::layer::{File, Layer};
use crate::case::model;
use crate::case::model::Platform;

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Nobody's user and group: nothing in the image needs more.
const USER: &str = "65534:65534";

/// Why an image cannot be assembled.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// More padding than this machine's memory addresses.
    #[error("padding of {0} bytes is more than fits into memory")]
    Padding(u64),
    /// A layer cannot be packed.
    #[error("failed to pack a layer")]
    Layer(#[from] io::Error),
}

/// An image in memory. Clones share its bytes, and so does every name it is pushed under.
#[derive(Debug, Clone)]
pub struct Image {
    blobs: Vec<Blob>,
    manifests: Vec<Blob>,
}

impl Image {
    /// Assembles an image with a digest that no other has.
    pub fn build(spec: &model::Image, node: Arch) -> Result<Self, BuildError> {
        Self::build_seeded(spec, node, rand::random())
    }

    /// Assembles an image whose bytes follow from the seed.
    pub fn build_seeded(spec: &model::Image, node: Arch, seed: u64) -> Result<Self, BuildError> {
        let mut random = StdRng::seed_from_u64(seed);
        let mut image = Self { blobs: Vec::new(), manifests: Vec::new() };
        let platforms: &[Arch] = match spec.platform {
            Platform::Node => {
                image.add(node, spec.padding, &mut random)?;
                return Ok(image);
            }
            Platform::Index => &[node.other(), node],
            Platform::Other => &[node.other()],
        };
        let mut entries = Vec::new();
        for &arch in platforms {
            image.add(arch, spec.padding, &mut random)?;
            let mut entry = image.top().descriptor();
            entry["platform"] = json!({ "architecture": arch.as_str(), "os": "linux" });
            entries.push(entry);
        }
        image.manifests.push(Blob::json(
            INDEX,
            &json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries }),
        ));
        Ok(image)
    }

    /// The digest that a tag leads to.
    pub fn digest(&self) -> &str {
        &self.top().digest
    }

    /// The bytes of all blobs.
    pub fn size(&self) -> u64 {
        self.blobs.iter().map(|blob| blob.data.len() as u64).sum()
    }

    /// Layers and configurations.
    pub fn blobs(&self) -> &[Blob] {
        &self.blobs
    }

    /// Manifests; the one that a tag leads to is the last.
    pub fn manifests(&self) -> &[Blob] {
        &self.manifests
    }

    pub(super) fn top(&self) -> &Blob {
        let Some(top) = self.manifests.last() else {
            unreachable!("an image is built with at least one manifest");
        };
        top
    }

    /// Adds the image for one platform.
    fn add(&mut self, arch: Arch, padding: u64, random: &mut StdRng) -> Result<(), BuildError> {
        let id = format!("{:032x}", random.random::<u128>());
        // A layer that another image has too would not be pulled again; the id sets it apart.
        let program = [
            File { path: "pullproof", mode: 0o755, data: &executable(arch) },
            File { path: "pullproof.id", mode: 0o644, data: id.as_bytes() },
        ];
        let mut layers = vec![Layer::new(&program, Compression::default())?];
        if padding > 0 {
            let size = usize::try_from(padding).map_err(|_| BuildError::Padding(padding))?;
            let mut data = vec![0; size];
            random.fill_bytes(&mut data);
            let file = File { path: "padding", mode: 0o644, data: &data };
            layers.push(Layer::new(&[file], Compression::none())?);
        }
        let config = Blob::json(
            CONFIG,
            &json!({
                "architecture": arch.as_str(),
                "os": "linux",
                "config": {
                    "User": USER,
                    "Entrypoint": ["/pullproof"],
                    "Labels": { "pullproof.id": id },
                },
                "rootfs": {
                    "type": "layers",
                    "diff_ids": layers.iter().map(|layer| &layer.diff_id).collect::<Vec<_>>(),
                },
            }),
        );
        self.manifests.push(Blob::json(
            MANIFEST,
            &json!({
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": config.descriptor(),
                "layers": layers.iter().map(|layer| layer.blob.descriptor()).collect::<Vec<_>>(),
            }),
        ));
        self.blobs.extend(layers.into_iter().map(|layer| layer.blob));
        self.blobs.push(config);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use serde_json::Value;

    use super::super::blob::digest;
    use super::*;

    fn spec(padding: u64, platform: Platform) -> model::Image {
        model::Image { name: "a:v1".into(), padding, platform, same_as: None, digest: None }
    }

    fn read(blob: &Blob) -> Value {
        serde_json::from_slice(&blob.data).unwrap()
    }

    fn unpack(blob: &Blob) -> Vec<u8> {
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&blob.data[..]).read_to_end(&mut unpacked).unwrap();
        unpacked
    }

    /// Each reference leads to a blob with that digest and size.
    fn check(image: &Image, manifest: &Value) {
        let mut references = manifest["layers"].as_array().unwrap().clone();
        references.push(manifest["config"].clone());
        for reference in references {
            let blob = image
                .blobs()
                .iter()
                .find(|blob| blob.digest == reference["digest"].as_str().unwrap())
                .unwrap();
            assert_eq!(digest(&blob.data), blob.digest);
            assert_eq!(reference["size"], blob.data.len());
            assert_eq!(reference["mediaType"], blob.media_type);
        }
    }

    #[test]
    fn a_seed_decides_every_byte() {
        let build = |seed| Image::build_seeded(&spec(10, Platform::Index), Arch::Amd64, seed);
        let (one, same, other) = (build(1).unwrap(), build(1).unwrap(), build(2).unwrap());
        assert_eq!(one.manifests(), same.manifests());
        assert_eq!(one.blobs(), same.blobs());
        assert_ne!(one.digest(), other.digest());
    }

    #[test]
    fn without_a_seed_no_two_images_share_anything() {
        let build = || Image::build(&spec(0, Platform::Node), Arch::Amd64).unwrap();
        let (one, other) = (build(), build());
        assert_ne!(one.digest(), other.digest());
        for (one, other) in one.blobs().iter().zip(other.blobs()) {
            assert_ne!(one.digest, other.digest);
        }
    }

    #[test]
    fn the_program_is_in_the_layer_and_is_what_runs() {
        let image = Image::build_seeded(&spec(0, Platform::Node), Arch::Arm64, 1).unwrap();
        let manifest = read(image.top());
        check(&image, &manifest);
        let layer = unpack(&image.blobs()[0]);
        let mut archive = tar::Archive::new(&layer[..]);
        let mut first = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(first.path().unwrap().to_str(), Some("pullproof"));
        assert_eq!(first.header().mode().unwrap(), 0o755);
        let mut program = Vec::new();
        first.read_to_end(&mut program).unwrap();
        assert_eq!(program, executable(Arch::Arm64));

        let config = read(image.blobs().last().unwrap());
        assert_eq!(config["config"]["Entrypoint"], json!(["/pullproof"]));
        assert_eq!(config["architecture"], "arm64");
        assert_eq!(config["rootfs"]["diff_ids"], json!([digest(&layer)]));
    }

    #[test]
    fn padding_is_a_layer_of_at_least_that_size() {
        let image = Image::build_seeded(&spec(100_000, Platform::Node), Arch::Amd64, 1).unwrap();
        let manifest = read(image.top());
        check(&image, &manifest);
        assert_eq!(manifest["layers"].as_array().unwrap().len(), 2);
        assert!(manifest["layers"][1]["size"].as_u64().unwrap() >= 100_000);
        let config = read(image.blobs().last().unwrap());
        assert_eq!(config["rootfs"]["diff_ids"][1], digest(&unpack(&image.blobs()[1])));
    }

    #[test]
    fn an_index_has_the_node_s_platform_only_where_it_should() {
        let architectures = |platform| {
            let image = Image::build_seeded(&spec(0, platform), Arch::Amd64, 1).unwrap();
            let index = read(image.top());
            let entries = index["manifests"].as_array().unwrap().clone();
            assert_eq!(entries.len(), image.manifests().len() - 1);
            for (entry, manifest) in entries.iter().zip(image.manifests()) {
                assert_eq!(entry["digest"], manifest.digest);
                check(&image, &read(manifest));
            }
            entries
                .iter()
                .map(|entry| entry["platform"]["architecture"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(architectures(Platform::Index), ["arm64", "amd64"]);
        assert_eq!(architectures(Platform::Other), ["arm64"]);
    }
}

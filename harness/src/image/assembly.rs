//! An image: its blobs and manifests, put together.

use std::io;

use flate2::Compression;
use rand::rngs::StdRng;
use rand::{Rng as _, RngCore as _, SeedableRng as _};
use serde_json::{Value, json};

use super::Arch;
use super::blob::Blob;
use super::elf::executable;
use super::layer::{File, Layer, archive, gzipped};
use crate::case::model;
use crate::case::model::{Content, Platform};

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CHART_CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
const CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
const STATEMENT: &str = "application/vnd.in-toto+json";
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
        let attested = spec.content == Content::Attestations;
        let platforms: &[Arch] = match spec.platform {
            Platform::Node if !attested => {
                image.add(spec, node, &mut random)?;
                return Ok(image);
            }
            Platform::Node => &[node],
            Platform::Index => &[node.other(), node],
            Platform::Other => &[node.other()],
        };
        let mut entries = Vec::new();
        for &arch in platforms {
            image.add(spec, arch, &mut random)?;
            let mut entry = image.top().descriptor();
            entry["platform"] = json!({ "architecture": arch.as_str(), "os": "linux" });
            entries.push(entry);
        }
        if attested {
            let of = image.manifests.clone();
            entries.extend(of.iter().map(|manifest| image.attest(manifest)));
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

    pub(crate) fn top(&self) -> &Blob {
        let Some(top) = self.manifests.last() else {
            unreachable!("an image is built with at least one manifest");
        };
        top
    }

    /// Adds the image for one platform.
    fn add(
        &mut self,
        spec: &model::Image,
        arch: Arch,
        random: &mut StdRng,
    ) -> Result<(), BuildError> {
        let id = format!("{:032x}", random.random::<u128>());
        // A layer that another image has too would not be pulled again; the id sets it apart.
        let program = [
            File { path: "pullproof", mode: 0o755, data: &executable(arch) },
            File { path: "pullproof.id", mode: 0o644, data: id.as_bytes() },
        ];
        let mut layers = vec![match spec.content {
            Content::Artifact => return self.add_chart(&id),
            Content::Zstd => Layer::zstd(&program)?,
            Content::Image | Content::Attestations => Layer::new(&program, Compression::default())?,
        }];
        if spec.padding > 0 {
            let size =
                usize::try_from(spec.padding).map_err(|_| BuildError::Padding(spec.padding))?;
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
        self.add_manifest(layers.into_iter().map(|layer| layer.blob).collect(), config);
        Ok(())
    }

    /// Adds a Helm chart, as `helm push` makes it of one.
    fn add_chart(&mut self, id: &str) -> Result<(), BuildError> {
        let about =
            json!({ "apiVersion": "v2", "name": "app", "version": "0.1.0", "description": id });
        let about = about.to_string();
        // JSON is YAML.
        let files = [File { path: "app/Chart.yaml", mode: 0o644, data: about.as_bytes() }];
        let chart = gzipped(&archive(&files)?, Compression::default())?;
        self.add_manifest(vec![Blob::new(CHART, chart)], Blob::new(CHART_CONFIG, about));
        Ok(())
    }

    /// Adds an attestation of a manifest, and returns how the index refers to it: as an image of an
    /// unknown platform (attestation-storage.md of BuildKit).
    fn attest(&mut self, manifest: &Blob) -> Value {
        let (algorithm, hex) = manifest.digest.split_once(':').unwrap_or_default();
        let statement = Blob::json(
            STATEMENT,
            &json!({
                "_type": "https://in-toto.io/Statement/v0.1",
                "predicateType": "https://slsa.dev/provenance/v0.2",
                "subject": [{ "name": "pullproof", "digest": { algorithm: hex } }],
                "predicate": {},
            }),
        );
        let config = json!({
            "architecture": "unknown",
            "os": "unknown",
            "config": {},
            "rootfs": { "type": "layers", "diff_ids": [statement.digest] },
        });
        self.add_manifest(vec![statement], Blob::json(CONFIG, &config));
        let mut entry = self.top().descriptor();
        entry["platform"] = json!({ "architecture": "unknown", "os": "unknown" });
        entry["annotations"] = json!({
            "vnd.docker.reference.digest": manifest.digest,
            "vnd.docker.reference.type": "attestation-manifest",
        });
        entry
    }

    fn add_manifest(&mut self, layers: Vec<Blob>, config: Blob) {
        let descriptors: Vec<Value> = layers.iter().map(Blob::descriptor).collect();
        self.manifests.push(Blob::json(
            MANIFEST,
            &json!({
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": config.descriptor(),
                "layers": descriptors,
            }),
        ));
        self.blobs.extend(layers);
        self.blobs.push(config);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::super::blob::digest;
    use super::*;

    fn spec(padding: u64, platform: Platform) -> model::Image {
        model::Image { padding, platform, ..model::Image::new("a:v1") }
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
    fn a_layer_of_zstd_unpacks_to_what_the_configuration_says() {
        let spec = model::Image { content: Content::Zstd, ..spec(0, Platform::Node) };
        let image = Image::build_seeded(&spec, Arch::Amd64, 1).unwrap();
        check(&image, &read(image.top()));
        let layer = &image.blobs()[0];
        assert_eq!(layer.media_type, "application/vnd.oci.image.layer.v1.tar+zstd");
        let mut unpacked = Vec::new();
        ruzstd::decoding::StreamingDecoder::new(&layer.data[..])
            .unwrap()
            .read_to_end(&mut unpacked)
            .unwrap();
        let config = read(image.blobs().last().unwrap());
        assert_eq!(config["rootfs"]["diff_ids"], json!([digest(&unpacked)]));
    }

    #[test]
    fn attestations_stand_beside_what_they_attest() {
        let spec = model::Image { content: Content::Attestations, ..spec(0, Platform::Node) };
        let image = Image::build_seeded(&spec, Arch::Amd64, 1).unwrap();
        let index = read(image.top());
        let entries = index["manifests"].as_array().unwrap();
        assert_eq!((entries.len(), image.manifests().len()), (2, 3));
        assert_eq!(entries[0]["platform"]["architecture"], "amd64");
        assert_eq!(entries[1]["platform"]["architecture"], "unknown");
        assert_eq!(entries[1]["annotations"]["vnd.docker.reference.digest"], entries[0]["digest"]);
        for (entry, manifest) in entries.iter().zip(image.manifests()) {
            assert_eq!(entry["digest"], manifest.digest);
            check(&image, &read(manifest));
        }
    }

    #[test]
    fn an_artifact_is_no_image() {
        let spec = model::Image { content: Content::Artifact, ..spec(0, Platform::Node) };
        let image = Image::build(&spec, Arch::Amd64).unwrap();
        let manifest = read(image.top());
        check(&image, &manifest);
        assert_eq!(manifest["config"]["mediaType"], CHART_CONFIG);
        assert_ne!(image.digest(), Image::build(&spec, Arch::Amd64).unwrap().digest());
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

//! The images of a case: built, pushed, brought onto the node.

use anyhow::Context;
use futures::future::try_join_all;

use crate::{
    case::model::{Auth, Image},
    image,
};

use super::{node::is_literal, scene::Scene};

impl Scene<'_> {
    pub(super) async fn push_all(&mut self) -> anyhow::Result<()> {
        let registries: Vec<_> = self.file.case.registries.iter().collect();
        // Those that share another's digest come when that one is built.
        for copies in [false, true] {
            for (name, spec) in &registries {
                let images: Vec<_> = spec
                    .images
                    .iter()
                    .filter(|image| image.same_as.is_some() == copies)
                    .cloned()
                    .collect();
                self.push(name, &images).await?;
            }
        }
        Ok(())
    }

    /// Builds images and pushes them to a registry of the case.
    pub(super) async fn push(&mut self, registry: &str, images: &[Image]) -> anyhow::Result<()> {
        for spec in images {
            let image = match &spec.same_as {
                Some(other) => self
                    .images
                    .get(other)
                    .or_else(|| self.images.get(&format!("{registry}/{other}")))
                    .with_context(|| {
                        format!(
                            "{} is to be the same as {other}, which is not among the images",
                            spec.name
                        )
                    })?
                    .clone(),
                None => image::Image::build(spec, self.session.arch)?,
            };
            if let Some(name) = &spec.digest {
                self.variables.set(name, image.digest());
            }
            self.images.insert(format!("{registry}/{}", spec.name), image);
        }
        let live = self.registries.get(registry).context("the case has no such registry")?;
        try_join_all(images.iter().map(|spec| {
            let image = &self.images[&format!("{registry}/{}", spec.name)];
            async move { live.registry.push(&spec.name, image).await }
        }))
        .await
        .with_context(|| format!("pushing to {registry}"))?;
        Ok(())
    }

    /// Whether an image, as a pod names it, is in a registry of the case that asks who comes.
    pub(super) fn is_private(&self, image: &str) -> bool {
        self.image_hosts().iter().any(|(host, registry)| {
            let public: &[String] = match &self.file.case.registries[*registry].auth {
                Auth::None => return false,
                Auth::Basic(_) | Auth::Htpasswd(_) => &[],
                Auth::Token(token) => &token.public,
            };
            let rest =
                match image.strip_prefix(host.as_str()).and_then(|rest| rest.strip_prefix('/')) {
                    Some(rest) => rest,
                    // Docker Hub's host may be left out.
                    None if host == "docker.io"
                        && !is_literal(image.split('/').next().unwrap_or_default()) =>
                    {
                        image
                    }
                    None => return false,
                };
            let repository = rest.split(['@', ':']).next().unwrap_or(rest);
            !public.iter().any(|public| public == repository)
        })
    }

    /// Every host that leads to a registry of the case: the registry's own and those of `hosts`.
    pub(super) fn image_hosts(&self) -> Vec<(String, &str)> {
        let case = &self.file.case;
        let own = self.registries.iter().map(|(name, live)| (live.host.clone(), name.as_str()));
        let others = case.hosts.iter().flat_map(|(host, hosts)| {
            let registries = hosts.leads_to(case.registries.keys());
            registries.map(|registry| (self.variables.fill(host), registry.as_str()))
        });
        own.chain(others).collect()
    }

    /// Brings an image onto the node without the kubelet, as a preload does: it belongs to nobody.
    pub(super) async fn preload(&self, name: &str) -> anyhow::Result<()> {
        let built = self.images.iter().find(|(key, _)| {
            key.split_once('/').is_some_and(|(registry, image)| {
                self.registries
                    .get(registry)
                    .is_some_and(|live| name == format!("{}/{image}", live.host))
            })
        });
        let (_, image) =
            built.with_context(|| format!("{name} is not among the images of the case"))?;
        // A copy into a container does not reach a tmpfs, which the node's /tmp is.
        let archive = format!("/var/tmp/pullproof-{:08x}.tar", rand::random::<u32>());
        let node = &self.session.cluster.node;
        node.write(&[(archive.clone(), image.archive(name)?)]).await?;
        let import = format!(
            "ctr -n k8s.io images import {archive} >/dev/null; status=$?; rm -f {archive}; exit $status"
        );
        node.shell(&import).await.map(drop)
    }
}

//! The images of a case: built, pushed, brought onto the node.

use anyhow::Context;
use futures::future::try_join_all;

use crate::{
    case::{EVERY_HOST, model::Image},
    image::{self, Reference},
};

use crate::run::{context::CaseContext, judging::control_pull::keeps};

impl<'a> CaseContext<'a> {
    pub(in crate::run) async fn push_all(&mut self) -> anyhow::Result<()> {
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
    pub(in crate::run) async fn push(
        &mut self,
        registry: &str,
        images: &[Image],
    ) -> anyhow::Result<()> {
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

    /// The registries of the case that are asked for the images of a host, each once.
    pub(in crate::run) fn registries_of(&self, host: &str) -> Vec<&'a str> {
        let hosts = self.image_hosts();
        // What has no settings of its own goes by those of every host.
        let known = hosts.iter().any(|(known, _)| known == host);
        let host = if known { host } else { EVERY_HOST };
        let mut names: Vec<&str> = Vec::new();
        for (_, registry) in hosts.iter().filter(|(known, _)| known == host) {
            if !names.contains(registry) {
                names.push(registry);
            }
        }
        names
    }

    /// Whether a registry of the case keeps an image from who has no credentials.
    pub(in crate::run) fn is_private(&self, registry: &str, image: &Reference) -> bool {
        let spec = self.file.case.registries.get(registry);
        spec.is_some_and(|spec| keeps(&spec.auth, image))
    }

    /// Every host that leads to a registry of the case: the registry's own and those of `hosts`.
    pub(in crate::run) fn image_hosts(&self) -> Vec<(String, &'a str)> {
        let case = &self.file.case;
        let own = case
            .registries
            .keys()
            .filter_map(|name| Some((self.registries.get(name)?.host.clone(), name.as_str())));
        let others = case.hosts.iter().flat_map(|(host, hosts)| {
            // By the name of a registry of the case, or literally.
            let host = match self.registries.get(host) {
                Some(live) => live.host.clone(),
                None => self.variables.fill(host),
            };
            let registries = hosts.leads_to(case.registries.keys());
            registries.map(move |registry| (host.clone(), registry.as_str()))
        });
        own.chain(others).collect()
    }

    /// Brings an image onto the node without the kubelet, as a preload does: it belongs to nobody.
    pub(in crate::run) async fn preload(&self, name: &str) -> anyhow::Result<()> {
        let wanted = Reference::of(name);
        let built = self.images.iter().find(|(key, _)| {
            key.split_once('/').is_some_and(|(registry, image)| {
                let host = self.registries.get(registry).map(|live| &live.host);
                host.is_some_and(|host| Reference::of(&format!("{host}/{image}")) == wanted)
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

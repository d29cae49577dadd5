//! Images whose digests are shared or have a name. The names of images are checked when they are read.

use super::names;
use crate::case::{
    error::CaseError,
    model::Image,
    source::{Source, at},
    tree::Key,
};

pub(super) fn check(source: Source<'_>) -> Result<(), CaseError> {
    let case = &source.file.case;
    let mut originals = Vec::new();
    for (name, registry) in &case.registries {
        for (index, image) in registry.images.iter().enumerate() {
            let path = at!["registries", name, "images", index];
            digest(source, path, image)?;
            if registry.images[..index].iter().any(|before| before.name == image.name) {
                return Err(source.error(path, format!("`{}` is listed twice", image.name)));
            }
            if image.same_as.is_none() {
                originals.push(format!("{name}/{}", image.name));
            }
        }
    }
    for (name, registry) in &case.registries {
        for (index, image) in registry.images.iter().enumerate() {
            let path = at!["registries", name, "images", index, "sameAs"];
            original(source, path, name, image, &originals)?;
        }
    }
    let mut known = originals;
    for (name, registry) in &case.registries {
        known.extend(registry.images.iter().map(|image| format!("{name}/{}", image.name)));
    }
    for (index, change) in source.file.registry_changes() {
        let of = change.registry.as_ref().or_else(|| case.registries.keys().next());
        let of = of.map_or("", String::as_str);
        for (at, image) in change.push.iter().enumerate() {
            digest(source, at!["steps", index, "registry", "push", at], image)?;
            let path = at!["steps", index, "registry", "push", at, "sameAs"];
            original(source, path, of, image, &known)?;
            known.push(format!("{of}/{}", image.name));
        }
    }
    Ok(())
}

fn digest(source: Source<'_>, path: &[Key<'_>], image: &Image) -> Result<(), CaseError> {
    image.digest.iter().try_for_each(|name| names::digest(source, path, name))
}

/// The image whose digest another shares has to be pushed before it.
fn original(
    source: Source<'_>,
    path: &[Key<'_>],
    registry: &str,
    image: &Image,
    known: &[String],
) -> Result<(), CaseError> {
    let Some(other) = &image.same_as else { return Ok(()) };
    if known.iter().any(|one| one == other || *one == format!("{registry}/{other}")) {
        return Ok(());
    }
    let problem = format!("`{other}` is not an image pushed before `{}`", image.name);
    Err(source.error(path, problem).among(other, known.to_vec()))
}

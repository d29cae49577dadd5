//! `pullproof doctor`

use crate::{
    cluster::{Engine, host_without_sys_resource},
    error::EnvironmentError,
    process::find,
    registry,
    settings::Settings,
};

use super::output::say;

/// Says of each thing a run needs whether it is there. Fails if one is missing.
pub async fn main(settings: Settings) -> anyhow::Result<()> {
    let mut missing = 0;
    let mut tell = |what: &str, found: Result<String, String>| match found {
        Ok(found) => say!("  ok       {what:<12} {found}"),
        Err(lacks) => {
            missing += 1;
            say!("  MISSING  {what:<12} {lacks}");
        }
    };
    let setup = format!("run ./scripts/setup{}", settings.setup_arguments());
    let program = |found: Result<std::path::PathBuf, EnvironmentError>| match found {
        Ok(path) => Ok(path.display().to_string()),
        Err(_) => Err(setup.clone()),
    };
    say!(
        "Kubernetes {}{}",
        settings.kubernetes,
        match &settings.containerd {
            Some(containerd) => format!(" with containerd {containerd}"),
            None => String::new(),
        }
    );
    tell("kind", program(settings.kind()));
    tell("kubectl", program(settings.kubectl()));
    let docker = find("docker", &settings.path).map(|path| path.to_string_lossy().into_owned());
    tell("docker", docker.ok_or("the docker command is not in PATH; ".to_owned() + &setup));
    match Engine::connect().await {
        Err(error) => {
            let hint = error.hint().map_or(String::new(), |hint| format!("; {hint}"));
            tell("engine", Err(format!("{error}{hint}")));
        }
        Ok(engine) => {
            let mut about = format!("Docker {}", engine.version);
            if engine.cgroup_v1 {
                about.push_str(", cgroup v1: the kubelet is told to accept it");
            }
            if engine.without_sys_resource {
                about.push_str(", no CAP_SYS_RESOURCE: containerd is told to do without");
            }
            let lacks = host_without_sys_resource() && !engine.without_sys_resource;
            tell(
                "engine",
                if lacks {
                    Err(format!(
                        "{about}; CAP_SYS_RESOURCE is missing and the engine is not set up for that; {setup}"
                    ))
                } else {
                    Ok(about)
                },
            );
            let registry = format!("{}:{}", registry::IMAGE, registry::TAG);
            for (what, image) in [("node image", settings.node_image()), ("registry", registry)] {
                tell(
                    what,
                    match engine.image(&image).await? {
                        Some(found) => Ok(format!("{image} {}", short(&found.id))),
                        None => Err(format!("{image}; {setup}")),
                    },
                );
            }
            let cluster = format!("{}-control-plane", settings.cluster_name());
            match engine.container(&cluster).await? {
                Some(node) if node.is_running() => {
                    tell("cluster", Ok(format!("{} is up", settings.cluster_name())))
                }
                _ => tell(
                    "cluster",
                    Ok("none yet; `pullproof up` or the first run creates it".to_owned()),
                ),
            }
        }
    }
    if missing == 0 {
        return Ok(());
    }
    let setup = settings.setup_arguments();
    Err(EnvironmentError::Incomplete { count: missing, setup }.into())
}

fn short(id: &str) -> &str {
    id.trim_start_matches("sha256:").get(..12).unwrap_or(id)
}

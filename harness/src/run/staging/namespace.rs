//! Namespaces, with what their controllers bring later.

use anyhow::Context;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams},
    runtime::wait::{await_condition, conditions::is_deleted},
};

use crate::cluster::RUN_LABEL;

use crate::run::session::Session;

/// The ConfigMap with the API server's CA, which every pod mounts.
pub const ROOT_CA: &str = "kube-root-ca.crt";

/// A namespace with the run's label, and the service account that pods need.
pub(crate) async fn create_namespace(session: &Session, name: &str) -> anyhow::Result<()> {
    let what = || format!("creating the namespace {name}");
    let all = Api::<Namespace>::all(session.client().clone());
    // A literal one may still be going away from the case before.
    if let Some(old) = all.get_opt(name).await.with_context(what)? {
        let uid = old.uid().unwrap_or_default();
        all.delete(name, &DeleteParams::default()).await.ok();
        await_condition(all.clone(), name, is_deleted(&uid)).await.with_context(what)?;
    }
    let namespace = Namespace {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some([(RUN_LABEL.to_owned(), session.run.id.clone())].into()),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    };
    all.create(&PostParams::default(), &namespace).await.with_context(what)?;
    // What its controllers bring to every namespace, brought here: when many namespaces are made at
    // once they take seconds, and a pod starts only when its service account and the CA are there.
    // Without a token: no pull needs a pod to have one, and its volume takes the kubelet longer than
    // a pull.
    let account = ServiceAccount {
        metadata: named("default"),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    };
    let certificate = ConfigMap {
        metadata: named(ROOT_CA),
        data: session.root_ca.clone(),
        ..ConfigMap::default()
    };
    let client = session.client();
    let accounts = Api::<ServiceAccount>::namespaced(client.clone(), name);
    let certificates = Api::namespaced(client.clone(), name);
    let (created, _) =
        tokio::try_join!(create(&accounts, &account), create(&certificates, &certificate))
            .with_context(what)?;
    if !created {
        let patch = Patch::Merge(&account);
        accounts.patch("default", &PatchParams::default(), &patch).await.with_context(what)?;
    }
    Ok(())
}

/// Has a namespace deleted. Best effort: what is left, the reaper removes at the run's end.
pub(in crate::run) async fn delete_namespace(session: &Session, name: &str) {
    let all = Api::<Namespace>::all(session.client().clone());
    all.delete(name, &DeleteParams::default()).await.ok();
}

fn named(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }
}

/// Creates an object that somebody else may create as well. Returns whether this was the first to.
async fn create<K>(api: &Api<K>, object: &K) -> kube::Result<bool>
where
    K: Clone + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned,
{
    match api.create(&PostParams::default(), object).await {
        Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => Ok(false),
        other => other.map(|_| true),
    }
}

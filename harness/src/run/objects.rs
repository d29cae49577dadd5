//! Objects of any kind: applied, patched, deleted.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use anyhow::Context;
use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use kube::{
    Api, Client, ResourceExt,
    api::{
        ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams,
        PostParams,
    },
    discovery::{ApiCapabilities, Scope, pinned_kind},
    runtime::wait::{await_condition, conditions::is_deleted},
};
use serde_json::{Value, json};

use crate::{case::Kind, mutex::locked};

/// How long the API server's cache of service accounts may lag.
const SETTLED: Duration = Duration::from_secs(30);

/// The objects of a cluster; what the server says of a kind is asked once.
pub struct Objects {
    client: Client,
    kinds: Mutex<HashMap<GroupVersionKind, (ApiResource, ApiCapabilities)>>,
}

impl Objects {
    /// For a cluster.
    pub fn new(client: Client) -> Self {
        Self { client, kinds: Mutex::default() }
    }

    /// Creates an object, or replaces it where there is one, and returns it as the server has it.
    ///
    /// # Errors
    /// The server refuses it.
    pub async fn apply(&self, namespace: &str, object: &Value) -> anyhow::Result<DynamicObject> {
        let object: DynamicObject = serde_json::from_value(object.clone())?;
        let types = object.types.clone().unwrap_or_default();
        let gvk = GroupVersionKind::try_from(&types)?;
        let namespace = object.namespace().unwrap_or_else(|| namespace.to_owned());
        let api = self.api(&gvk, &namespace).await?;
        let name = object.name_any();
        let what = || format!("applying {} {name}", types.kind);
        match api.create(&PostParams::default(), &object).await {
            Ok(created) => Ok(created),
            Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => {
                let mut object = object;
                object.metadata.resource_version =
                    api.get(&name).await.with_context(what)?.resource_version();
                api.replace(&name, &PostParams::default(), &object).await.with_context(what)
            }
            Err(error) => Err(error).with_context(what),
        }
    }

    /// Merges a patch into an object, `serviceaccount/default`.
    ///
    /// # Errors
    /// The server refuses it, or the kind is unknown.
    pub async fn patch(&self, namespace: &str, object: &str, merge: &Value) -> anyhow::Result<()> {
        let (api, name) = self.named(namespace, object).await?;
        let patched = api.patch(name, &PatchParams::default(), &Patch::Merge(merge)).await;
        patched.with_context(|| format!("patching {object}")).map(drop)
    }

    /// Waits until new pods get the secrets that a service account names now: admission reads it from a
    /// cache that a pod created at once overtakes (plugin/pkg/admission/serviceaccount/admission.go).
    ///
    /// # Errors
    /// The server refuses, or its cache does not follow.
    pub async fn account_settled(&self, namespace: &str, account: &str) -> anyhow::Result<()> {
        let accounts = Api::<ServiceAccount>::namespaced(self.client.clone(), namespace);
        let wanted = accounts.get(account).await?.image_pull_secrets.unwrap_or_default();
        let pods = Api::<Pod>::namespaced(self.client.clone(), namespace);
        let probe: Pod = serde_json::from_value(json!({
            "metadata": {"name": "pullproof-probe"},
            "spec": {"serviceAccountName": account, "containers": [{"name": "probe", "image": "probe"}]},
        }))?;
        let dry = PostParams { dry_run: true, ..PostParams::default() };
        let follow = async {
            loop {
                let admitted = pods.create(&dry, &probe).await?.spec.unwrap_or_default();
                if admitted.image_pull_secrets.unwrap_or_default() == wanted {
                    return anyhow::Ok(());
                }
                // A dry run changes nothing that could be watched.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(SETTLED, follow)
            .await
            .with_context(|| format!("pods do not get the secrets of serviceaccount/{account}"))?
    }

    /// Returns the pods of a namespace, by name, with their UIDs.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn pods(&self, namespace: &str) -> anyhow::Result<Vec<(String, String)>> {
        let pods = Api::<Pod>::namespaced(self.client.clone(), namespace);
        let listed = pods.list_metadata(&ListParams::default()).await;
        let listed = listed.with_context(|| format!("listing the pods of {namespace}"))?;
        Ok(listed.items.iter().map(|pod| (pod.name_any(), pod.uid().unwrap_or_default())).collect())
    }

    /// Deletes an object, waits until it is gone, and returns its UID.
    ///
    /// # Errors
    /// The server refuses it, or the kind is unknown.
    pub async fn delete(&self, namespace: &str, object: &str) -> anyhow::Result<String> {
        let (api, name) = self.named(namespace, object).await?;
        let what = || format!("deleting {object}");
        let uid = api.get(name).await.with_context(what)?.uid().unwrap_or_default();
        api.delete(name, &DeleteParams::default()).await.with_context(what)?;
        await_condition(api, name, is_deleted(&uid)).await.with_context(what)?;
        Ok(uid)
    }

    async fn named<'a>(
        &self,
        namespace: &str,
        object: &'a str,
    ) -> anyhow::Result<(Api<DynamicObject>, &'a str)> {
        let (kind, name) = object.split_once('/').with_context(|| {
            format!("`{object}` is no object; write for example `pod/private-reg`")
        })?;
        let kind = Kind::named(kind).with_context(|| format!("the kind `{kind}` is not known"))?;
        let gvk = GroupVersionKind::try_from(&kube::api::TypeMeta {
            api_version: kind.api_version.to_owned(),
            kind: kind.kind.to_owned(),
        })?;
        Ok((self.api(&gvk, namespace).await?, name))
    }

    async fn api(
        &self,
        gvk: &GroupVersionKind,
        namespace: &str,
    ) -> anyhow::Result<Api<DynamicObject>> {
        let known = locked(&self.kinds).get(gvk).cloned();
        let (resource, capabilities) = match known {
            Some(known) => known,
            None => {
                let asked = pinned_kind(&self.client, gvk).await.with_context(|| {
                    format!("the cluster knows no kind {} of {}", gvk.kind, gvk.api_version())
                })?;
                let mut kinds = locked(&self.kinds);
                kinds.insert(gvk.clone(), asked.clone());
                asked
            }
        };
        Ok(match capabilities.scope {
            Scope::Namespaced => Api::namespaced_with(self.client.clone(), namespace, &resource),
            Scope::Cluster => Api::all_with(self.client.clone(), &resource),
        })
    }
}

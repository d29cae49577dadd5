//! The namespaces of an input, with their secrets and service accounts.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams},
};
use pullproof_credentials::PullSecret;
use pullproof_manifests::Manifests;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::{
    case::namespace_part,
    run::{Following, create_namespace},
};

use super::{
    Input,
    plan::{self, Plan},
    staging::Stage,
};

/// How many objects are created at the same time.
const AT_ONCE: usize = 8;

/// Makes the namespaces of an input that have pods, each under a name of the run's, with the secrets and
/// service accounts in them.
///
/// # Errors
/// The API server fails. That it refuses a secret or a service account is none: then there is none.
pub(super) async fn prepare(stage: &Stage<'_>, at: usize, input: &Input) -> anyhow::Result<Plan> {
    let named = |(number, theirs): (usize, &str)| {
        let ours = format!("check-{}-{}-{at}-{number}", namespace_part(theirs), stage.id);
        (theirs.to_owned(), ours)
    };
    let namespaces: BTreeMap<String, String> =
        plan::namespaces(&input.manifests).into_iter().enumerate().map(named).collect();
    let following: Vec<Following> = stream::iter(namespaces.values())
        .map(|ours| async move {
            create_namespace(stage.session, ours).await?;
            anyhow::Ok(stage.session.watches.follow(ours, &stage.timeline))
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let spaces = &namespaces;
    let secrets: Vec<Option<PullSecret>> = stream::iter(plan::secrets(input))
        .map(|secret| async move {
            let Some(ours) = spaces.get(&secret.namespace) else { return Ok(Some(secret)) };
            let taken = create_secret(stage, ours, &secret).await?;
            anyhow::Ok(taken.then_some(secret))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let accounts = accounts(&input.manifests);
    stream::iter(accounts)
        .map(|(theirs, name)| async move {
            let Some(ours) = spaces.get(theirs) else { return Ok(()) };
            create_account(stage, ours, name, &written(&input.manifests, theirs, name)).await
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    let secrets = secrets.into_iter().flatten().collect();
    Ok(Plan { namespaces, secrets, _following: following })
}

/// The service accounts that pods have, by namespace and name.
fn accounts(manifests: &Manifests) -> BTreeSet<(&str, &str)> {
    manifests
        .templates
        .iter()
        .map(|template| {
            let name = template.service_account.as_ref().map_or("default", |it| it.name.as_str());
            (template.object.namespace.as_str(), name)
        })
        .collect()
}

/// The pull secrets of a service account as each manifest of it writes them, in the order in which they are
/// applied.
fn written(manifests: &Manifests, namespace: &str, name: &str) -> Vec<Value> {
    let accounts = manifests.service_accounts.iter();
    accounts
        .filter(|account| account.id.namespace == namespace && account.id.name == name)
        .map(|account| account.written.clone().unwrap_or(Value::Null))
        .collect()
}

/// Whether the API server refuses an object for what it is.
pub(super) fn is_refusal(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if matches!(status.code, 400 | 403 | 422))
}

/// Creates a secret, and returns whether the API server took it.
async fn create_secret(
    stage: &Stage<'_>,
    namespace: &str,
    secret: &PullSecret,
) -> anyhow::Result<bool> {
    let data = |(key, value): (&str, &secrecy::SecretSlice<u8>)| {
        (key.to_owned(), Value::String(STANDARD.encode(value.expose_secret())))
    };
    let data: serde_json::Map<_, _> = secret.entries().map(data).collect();
    let object: Secret = serde_json::from_value(json!({
        "metadata": {"name": secret.name}, "type": secret.kind, "data": data,
    }))?;
    let secrets = Api::<Secret>::namespaced(stage.session.client().clone(), namespace);
    match secrets.create(&PostParams::default(), &object).await {
        Ok(_) => Ok(true),
        Err(error) if is_refusal(&error) => Ok(false),
        Err(error) => Err(error).with_context(|| format!("creating the secret {}", secret.name)),
    }
}

/// Creates a service account, or changes the namespace's own. One that the API server refuses, or that no
/// manifest has, is taken for one without pull secrets.
async fn create_account(
    stage: &Stage<'_>,
    namespace: &str,
    name: &str,
    written: &[Value],
) -> anyhow::Result<()> {
    let what = || format!("creating the service account {name}");
    let client = stage.session.client();
    let resource = ApiResource::erase::<ServiceAccount>(&());
    let accounts = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &resource);
    let (mut exists, mut lists) = (name == "default", false);
    let tries = written.iter().map(Some).chain([None]);
    for secrets in tries {
        let done = if exists {
            let Some(secrets) = secrets else { break };
            let change = json!({"imagePullSecrets": secrets});
            let patch = Patch::Merge(&change);
            accounts.patch(name, &PatchParams::default(), &patch).await.map(drop)
        } else {
            let mut object = json!({
                "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name},
                "automountServiceAccountToken": false,
            });
            if let Some(secrets) = secrets {
                object["imagePullSecrets"] = secrets.clone();
            }
            let object: DynamicObject = serde_json::from_value(object)?;
            accounts.create(&PostParams::default(), &object).await.map(drop)
        };
        match done {
            Ok(()) => (exists, lists) = (true, secrets.is_some_and(|it| !it.is_null())),
            // Not even one without secrets: pods with it are refused as well.
            Err(error) if is_refusal(&error) => {}
            Err(error) => return Err(error).with_context(what),
        }
    }
    match exists && lists {
        true => stage.session.objects.account_settled(namespace, name).await.with_context(what),
        false => Ok(()),
    }
}

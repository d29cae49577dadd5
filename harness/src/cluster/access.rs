//! What the cluster's nodes may read.

use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleRef, Subject};
use kube::{
    Api, Client,
    api::{ObjectMeta, Patch, PatchParams},
};

/// Binds the role that Kubernetes has for nodes to all of them.
///
/// Without it a node may read a secret once the node authorizer's graph knows of the pod that names it
/// (plugin/pkg/auth/authorizer/node/graph_populator.go). On a busy machine the kubelet is sooner: its
/// list is forbidden, it gives the secret up after a second and pulls without it
/// (pkg/kubelet/util/manager/watch_based_manager.go), once in some hundred pods. The cases are about
/// what comes after a secret was read.
pub(super) async fn let_nodes_read(client: &Client) -> kube::Result<()> {
    const NAME: &str = "pullproof:nodes";
    let binding = ClusterRoleBinding {
        metadata: ObjectMeta { name: Some(NAME.to_owned()), ..ObjectMeta::default() },
        role_ref: RoleRef {
            api_group: "rbac.authorization.k8s.io".to_owned(),
            kind: "ClusterRole".to_owned(),
            name: "system:node".to_owned(),
        },
        subjects: Some(vec![Subject {
            api_group: Some("rbac.authorization.k8s.io".to_owned()),
            kind: "Group".to_owned(),
            name: "system:nodes".to_owned(),
            namespace: None,
        }]),
    };
    let bindings = Api::<ClusterRoleBinding>::all(client.clone());
    bindings.patch(NAME, &PatchParams::apply("pullproof"), &Patch::Apply(&binding)).await.map(drop)
}

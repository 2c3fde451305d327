//! The API server that a kubeconfig names, and the namespace of the stack.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use k8s_openapi::api::core::v1::Namespace;
use kube::config::KubeConfigOptions;
use kube::{Api, Client, Config};
use tokio::time::timeout;

use super::{Plain as _, has_code};
use crate::platform::Cluster;

/// How long the API server may take to answer the first request.
const ANSWER: Duration = Duration::from_secs(10);

/// A client of the cluster's API, and the namespace.
///
/// # Errors
/// A kubeconfig that cannot be read or has no such context; a server that does not answer; a namespace that is not there.
pub(super) async fn connect(cluster: &Cluster) -> Result<(Client, String)> {
    let options = KubeConfigOptions { context: cluster.context.clone(), ..KubeConfigOptions::default() };
    let config = Config::from_kubeconfig(&options).await.map_err(|error| {
        anyhow!(
            "{error}\n  KUBECONFIG names the file, --context a context in it: kubectl config get-contexts lists them"
        )
        .context("read the kubeconfig")
    })?;
    let server = config.cluster_url.to_string();
    let namespace = cluster.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
    let client = Client::try_from(config).context("read the kubeconfig")?;
    let there = Api::<Namespace>::all(client.clone());
    let looked = timeout(ANSWER, there.get_opt(&namespace)).await;
    let looked =
        looked.map_err(|_| anyhow!("the API server at {server} did not answer within {} s", ANSWER.as_secs()))?;
    match looked {
        Ok(Some(_)) => {}
        Ok(None) => bail!(
            "there is no namespace {namespace}\n  kubectl create namespace {namespace} makes it; --namespace takes another one"
        ),
        // Whoever may work in a namespace need not be allowed to look at it.
        Err(error) if has_code(&error, 403) => {}
        Err(error) => return Err(error).plain().with_context(|| format!("ask the API server at {server}")),
    }
    Ok((client, namespace))
}

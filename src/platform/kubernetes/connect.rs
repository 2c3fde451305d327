//! The API server that a kubeconfig names, and the namespace of the stack.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use k8s_openapi::api::core::v1::Namespace;
use kube::config::KubeConfigOptions;
use kube::{Api, Client, Config};
use tokio::time::timeout;

use super::{has_code, plainly};
use crate::platform::Cluster;

/// How long the API server may take to answer the first request.
const ANSWER: Duration = Duration::from_secs(10);

/// How long a connection to the API server may say nothing while an answer is due.
const SILENT: Duration = Duration::from_secs(15);

/// What a kubeconfig leads to.
pub(super) struct Connected {
    /// For requests that have an answer.
    pub(super) client: Client,
    /// For those that go on.
    pub(super) streams: Client,
    pub(super) namespace: String,
}

/// Clients of the cluster's API, and the namespace.
///
/// # Errors
/// A kubeconfig that cannot be read or has no such context; a server that does not answer; a namespace that is not there.
pub(super) async fn connect(cluster: &Cluster) -> Result<Connected> {
    let options = KubeConfigOptions { context: cluster.context.clone(), ..KubeConfigOptions::default() };
    let mut config = Config::from_kubeconfig(&options).await.map_err(|error| {
        anyhow!(
            "{error}\n  KUBECONFIG names the file, --context a context in it: kubectl config get-contexts lists them"
        )
        .context("read the kubeconfig")
    })?;
    let server = config.cluster_url.to_string();
    let namespace = cluster.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
    config.default_retry = false;
    let streams = Client::try_from(config.clone()).context("read the kubeconfig")?;
    (config.read_timeout, config.default_retry) = (Some(SILENT), true);
    // Counted from the request on, and not from the last answer on a connection that is used again.
    config.reset_reader_on_write = true;
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
        Err(error) if has_code(&error, 401) => bail!(
            "the API server at {server} does not accept the kubeconfig's credentials\n  \
             kubectl auth whoami tells who they are for; --context takes another context"
        ),
        Err(error) => {
            bail!("ask the API server at {server}: {:#}\n  kubectl cluster-info asks it as well", plainly(error))
        }
    }
    Ok(Connected { client, streams, namespace })
}

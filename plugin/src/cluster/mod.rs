//! The cluster as the user sees it: which API server, which pods, what may be done.
//!
//! In: the flags of the command line. Out: a client, the pods that are meant, errors in words that
//! name the next step.
//! Not here: anything that is created on the cluster.

mod absent;
mod connect;
mod connection;
mod mesh;
mod node;
mod refusal;
mod resolve;
mod suggest;
mod target;
mod wanted;

pub(crate) use absent::can_be_named;
pub(crate) use connect::{connect, read as read_kubeconfig};
pub(crate) use connection::Connection;
pub(crate) use mesh::Mesh;
pub(crate) use refusal::{Forbidden, explain};
pub(crate) use resolve::{Later, later, resolve, runs};
pub(crate) use target::{Target, containers};
pub(crate) use wanted::{Kind, Wanted};

/// Runs what talks to a cluster to its end.
pub(crate) fn finish<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// A cluster that can be talked to.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) client: kube::Client,
    /// The one given, else the context's, else `default`.
    pub(crate) namespace: String,
    /// Address of the API server, for messages.
    pub(crate) server: String,
}

impl Cluster {
    /// Objects of a kind in the namespace.
    pub(crate) fn here<K>(&self) -> kube::Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        <K as kube::Resource>::DynamicType: Default,
    {
        kube::Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Objects of a kind in all namespaces.
    pub(crate) fn everywhere<K>(&self) -> kube::Api<K>
    where
        K: kube::Resource,
        <K as kube::Resource>::DynamicType: Default,
    {
        kube::Api::all(self.client.clone())
    }
}

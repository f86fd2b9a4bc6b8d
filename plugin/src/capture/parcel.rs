use sha2::{Digest as _, Sha256};

/// The static agent and the program that joins its parts, as they travel to the node.
#[derive(Clone, Copy)]
pub(super) struct Parcel {
    pub(super) first_stage: &'static [u8],
    pub(super) agent: &'static [u8],
}

/// What one ConfigMap holds: the API server takes 1 MiB with everything around it.
const PART: usize = 1000 << 10;

/// The first stage and the agent; `None` in a plugin that was built without them.
const PARCEL: Option<(&[u8], &[u8])> = include!(concat!(env!("OUT_DIR"), "/parcel.rs"));

/// The only architecture that an agent is built for.
pub(crate) const ARCHITECTURE: &str = "amd64";

impl Parcel {
    /// The agent that this plugin carries.
    pub(super) fn open() -> anyhow::Result<Self> {
        let (first_stage, agent) = PARCEL.ok_or_else(|| {
            anyhow::anyhow!(
                "this kubectl-meshsniff was built without its agent: build it by `make`, which puts \
                 the agent in (cargo alone does not)"
            )
        })?;
        Ok(Self { first_stage, agent })
    }

    /// The agent in pieces that a ConfigMap holds.
    pub(super) fn parts(&self) -> impl Iterator<Item = &'static [u8]> {
        self.agent.chunks(PART)
    }

    /// By which the agent on the node proves that it arrived whole.
    pub(super) fn sha256(&self) -> String {
        Sha256::digest(self.agent).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

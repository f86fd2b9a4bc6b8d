//! The plugin on a real Kubernetes with a mesh of real Envoys, as its users run it.
//!
//! The cluster of `tests/cluster` is started once for all tests here and goes down with this
//! process. `MESHSNIFF_TEST_KUBECONFIG` names one that runs already. Where there is neither, each
//! test says what is missing; where `CI` is set that is a failure.

#![allow(dead_code, reason = "what users of the plugin do comes piece by piece")]

mod case;
mod cluster;
mod mesh;
mod plugin;
mod proxy;
mod user;

mod access_log;
mod apart;
mod comes_up;
mod commands;
mod connections;
mod ends;
mod faults;
mod refusals;
mod rollouts;
mod slow;
mod timeouts;
mod verdicts;
mod ways;

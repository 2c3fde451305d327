//! Where a stack's own Flink and Kafka are: asked of the platform, which knows its own containers, and never taken for
//! granted. At the port that somebody asks for another project's JobManager may answer.

use anyhow::Result;

use crate::flink::Flink;
use crate::platform::{Contract as _, Endpoint, Platform};
use crate::stack::JOBMANAGER;

/// The port of the REST API in its container.
pub const REST: u16 = 8081;
/// The service that is the broker.
pub const KAFKA: &str = "kafka";
/// The port in its container on which the broker talks to the host.
pub const BROKER: u16 = 9094;

/// Where Flink's REST API is; `None` where no JobManager of the stack is running.
pub async fn rest(platform: &Platform) -> Result<Option<Endpoint>> {
    platform.endpoint(JOBMANAGER, REST).await
}

/// Flink's REST API; `None` where no JobManager of the stack is running.
pub async fn flink(platform: &Platform) -> Result<Option<Flink>> {
    rest(platform).await?.map(|rest| Flink::at(&rest.host, rest.port)).transpose()
}

/// The broker; `None` where none of the stack runs.
pub async fn kafka(platform: &Platform) -> Result<Option<Endpoint>> {
    platform.endpoint(KAFKA, BROKER).await
}

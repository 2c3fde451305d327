//! What is mounted into a container.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use compose_spec::service::volumes::{self, Mount as Given};

use super::{Scope, container::bytes};
use crate::stack::{Mount, MountSource};

impl Scope<'_> {
    pub(super) fn mounts(&self, given: &compose_spec::Service) -> Result<Vec<Mount>> {
        // The short form makes a host folder that is not there; the long form says whether to.
        let volumes = given.volumes.clone();
        let mounts = volumes::into_long_iter(volumes).map(|mount| self.mount(&mount).context("volumes"));
        let memory = given.tmpfs.clone().map(compose_spec::ItemOrList::into_list).into_iter().flatten();
        let memory = memory.map(|path| Ok(memory_at(&path.as_path().display().to_string())));
        mounts.chain(memory).collect()
    }

    fn mount(&self, given: &Given) -> Result<Mount> {
        let source = match given {
            Given::Volume(volume) => {
                let Some(key) = &volume.source else {
                    bail!("a volume without a name is not supported: it would be left behind")
                };
                MountSource::Volume(self.volume_name(key.as_str())?)
            }
            Given::Bind(bind) => MountSource::Host {
                path: self.host_path(bind.source.as_path())?,
                create: bind.bind.as_ref().is_some_and(|options| options.create_host_path),
            },
            Given::Tmpfs(tmpfs) => MountSource::Memory { options: memory_options(tmpfs.tmpfs.as_ref())? },
            other => bail!("type '{}' is not supported", other.kind()),
        };
        let common = given.common();
        let target = common.target.as_path().display().to_string();
        Ok(Mount { target, read_only: common.read_only, source })
    }

    /// Relative to the compose file's folder, without `.` and `..`, which the engine refuses.
    fn host_path(&self, given: &Path) -> Result<String> {
        let mut path = PathBuf::new();
        for part in self.source.folder.join(given).components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir => {
                    path.pop();
                }
                part => path.push(part),
            }
        }
        path.into_os_string().into_string().map_err(|path| anyhow::anyhow!("{} is not UTF-8", path.display()))
    }
}

fn memory_options(given: Option<&volumes::mount::TmpfsOptions>) -> Result<String> {
    let size = given.and_then(|options| options.size).map(bytes).transpose()?.map(|bytes| format!("size={bytes}"));
    let mode = given.and_then(|options| options.mode).map(|mode| format!("mode={mode:o}"));
    Ok(size.into_iter().chain(mode).collect::<Vec<_>>().join(","))
}

/// `tmpfs: /path` or `tmpfs: /path:size=64m,exec`.
fn memory_at(text: &str) -> Mount {
    let (target, options) = text.split_once(':').unwrap_or((text, ""));
    Mount { target: target.to_owned(), read_only: false, source: MountSource::Memory { options: options.to_owned() } }
}

//! What is mounted into a container.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use compose_spec::ShortOrLong;
use compose_spec::service::volumes::mount::{Bind, TmpfsOptions};
use compose_spec::service::volumes::{self, Mount as Given, SELinux, ShortVolume};

use super::{Scope, container::bytes};
use crate::stack::{Mount, MountSource, Relabel};

impl Scope<'_> {
    pub(super) fn mounts(&self, given: &compose_spec::Service) -> Result<Vec<Mount>> {
        for volume in &given.volumes {
            check_short(volume).context("volumes")?;
        }
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
                    bail!("anonymous volumes are not supported: they would be left behind")
                };
                MountSource::Volume(self.volume_name(key.as_str())?)
            }
            Given::Bind(bind) => self.host(bind)?,
            Given::Tmpfs(tmpfs) => MountSource::Memory { options: memory_options(tmpfs.tmpfs.as_ref())? },
            other => bail!("type '{}' is not supported", other.kind()),
        };
        let common = given.common();
        let target = common.target.as_path().display().to_string();
        Ok(Mount { target, read_only: common.read_only, source })
    }

    fn host(&self, given: &Bind) -> Result<MountSource> {
        let options = given.bind.as_ref();
        let create = options.is_some_and(|options| options.create_host_path);
        let relabel = options.and_then(|options| options.selinux).map(|selinux| match selinux {
            SELinux::Shared => Relabel::Shared,
            SELinux::Private => Relabel::Private,
        });
        ensure!(create || relabel.is_none(), "bind.selinux: the engine supports it only with create_host_path: true");
        Ok(MountSource::Host { path: self.host_path(given.source.as_path())?, create, relabel })
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

/// The long form has no place for the label of a volume, so it would be dropped silently.
fn check_short(given: &ShortOrLong<ShortVolume, Given>) -> Result<()> {
    let ShortOrLong::Short(ShortVolume { options: Some(options), .. }) = given else { return Ok(()) };
    let is_volume = matches!(options.source, volumes::Source::Volume(_));
    ensure!(!(is_volume && options.selinux.is_some()), "z and Z are for host folders; the engine labels its volumes");
    Ok(())
}

fn memory_options(given: Option<&TmpfsOptions>) -> Result<String> {
    let size = given.and_then(|options| options.size).map(bytes).transpose()?.map(|bytes| format!("size={bytes}"));
    let mode = given.and_then(|options| options.mode).map(|mode| format!("mode={mode:o}"));
    Ok(size.into_iter().chain(mode).collect::<Vec<_>>().join(","))
}

/// `tmpfs: /path` or `tmpfs: /path:size=64m,exec`.
fn memory_at(text: &str) -> Mount {
    let (target, options) = text.split_once(':').unwrap_or((text, ""));
    Mount { target: target.to_owned(), read_only: false, source: MountSource::Memory { options: options.to_owned() } }
}

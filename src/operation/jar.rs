//! Which jar a job is run from: one that is uploaded, or a file that is uploaded first.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::control::Control;
use super::plan::{self, Act, Part};
use crate::failure::Failure;
use crate::flink::jar::{Jar, Run};
use crate::stack::jar::{HASH_DIGITS, read, refused, versioned_name};

/// Which jar to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JarChoice {
    /// A file, uploaded unless it is already.
    File(PathBuf),
    /// An uploaded one, by its file name or what stands before its content's hash.
    Uploaded(String),
}

impl JarChoice {
    /// What a user means by a name: an existing file, or else the name of an uploaded jar.
    #[must_use]
    pub fn of(name: &str) -> Self {
        if Path::new(name).exists() || name.contains('/') {
            Self::File(name.into())
        } else {
            Self::Uploaded(name.to_owned())
        }
    }

    /// What is meant by several names.
    #[must_use]
    pub fn all(names: &[String]) -> Vec<Self> {
        names.iter().map(|name| Self::of(name)).collect()
    }
}

/// A jar that was asked for, as it is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FoundJar {
    /// On the server, by its id.
    Uploaded(String),
    /// Here, to be uploaded under a name.
    File { file: PathBuf, name: String },
}

impl FoundJar {
    /// Its id, or what stands for that until it is uploaded.
    fn id(&self, stands_for: &str) -> String {
        match self {
            Self::Uploaded(id) => id.clone(),
            Self::File { .. } => stands_for.to_owned(),
        }
    }

    /// The part that uploads it, where it has to be.
    fn upload(&self, stands_for: &str) -> Option<Part> {
        let Self::File { file, name } = self else { return None };
        let act = Act::Upload { id: stands_for.to_owned(), file: file.clone(), name: name.clone() };
        Some(Part::new("upload", "not uploaded yet", act))
    }

    /// Of a stack that is not there yet.
    fn expected(choice: &JarChoice, stands_for: &str) -> Self {
        match choice {
            JarChoice::Uploaded(_) => Self::Uploaded(stands_for.to_owned()),
            JarChoice::File(file) => Self::File { file: file.clone(), name: file.display().to_string() },
        }
    }
}

/// The jars of a job, as they are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Jars {
    /// The one that has its `main`.
    pub(super) main: FoundJar,
    /// Those that it needs besides.
    pub(super) libraries: Vec<FoundJar>,
}

impl Jars {
    /// Those that a job was submitted with.
    pub(super) fn of(run: &Run) -> Self {
        let libraries = run.libraries.iter().cloned().map(FoundJar::Uploaded).collect();
        Self { main: FoundJar::Uploaded(run.jar.clone()), libraries }
    }

    /// Those of a stack that is not there yet, with what is asked for in the place of what a job was submitted with.
    pub(super) fn expected(was: &Run, jar: Option<&JarChoice>, libraries: Option<&[JarChoice]>) -> Self {
        let was = Self::of(was);
        Self {
            main: jar.map_or(was.main, |jar| FoundJar::expected(jar, plan::JAR)),
            libraries: libraries.map_or(was.libraries, |all| {
                numbered(all).map(|(id, library)| FoundJar::expected(library, &id)).collect()
            }),
        }
    }

    /// The parts that upload those that have to be.
    pub(super) fn uploads(&self) -> Vec<Part> {
        let libraries = numbered(&self.libraries).map(|(id, library)| library.upload(&id));
        std::iter::once(self.main.upload(plan::JAR)).chain(libraries).flatten().collect()
    }

    /// The id of the one that has its `main`.
    pub(super) fn main_id(&self) -> String {
        self.main.id(plan::JAR)
    }

    /// The ids of the others.
    pub(super) fn library_ids(&self) -> Vec<String> {
        numbered(&self.libraries).map(|(id, library)| library.id(&id)).collect()
    }
}

/// A job's libraries, each with what stands for its id until it is uploaded.
fn numbered<T>(libraries: &[T]) -> impl Iterator<Item = (String, &T)> {
    libraries.iter().enumerate().map(|(index, library)| (plan::library(index + 1), library))
}

impl Control<'_> {
    /// Finds the jars that are meant; files are read, and nothing is sent.
    ///
    /// # Errors
    /// As those of [`Self::find_jar`].
    pub(super) async fn find_jars(&self, choices: &[JarChoice]) -> Result<Vec<FoundJar>> {
        try_join_all(choices.iter().map(|choice| self.find_jar(choice))).await
    }

    /// Finds the jar that is meant; a file is read, and nothing is sent.
    ///
    /// # Errors
    /// [`Failure::Usage`] for what is no jar, or a name that no upload has.
    pub(super) async fn find_jar(&self, choice: &JarChoice) -> Result<FoundJar> {
        let there = self.flink().jars().await?;
        match choice {
            JarChoice::Uploaded(name) => match uploaded(&there, name) {
                Some(jar) => Ok(FoundJar::Uploaded(jar.id.clone())),
                None => Err(no_such_upload(name, &there)),
            },
            JarChoice::File(file) => {
                let name = versioned_name(file, &read(file)?);
                Ok(match there.into_iter().find(|jar| jar.name == name) {
                    Some(jar) => FoundJar::Uploaded(jar.id),
                    None => FoundJar::File { file: file.clone(), name },
                })
            }
        }
    }

    /// The id of a jar that is uploaded already; none of a file that is not.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a name that no upload has, or a file that is no jar.
    pub async fn uploaded(&self, choice: &JarChoice) -> Result<Option<String>> {
        Ok(match self.find_jar(choice).await? {
            FoundJar::Uploaded(id) => Some(id),
            FoundJar::File { .. } => None,
        })
    }

    /// The id of a jar; a file is uploaded, unless it is already.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a name that no upload has, or a file that is no jar.
    pub async fn jar(&self, choice: &JarChoice) -> Result<String> {
        let found = self.find_jar(choice).await?;
        match (&found, found.upload(plan::JAR)) {
            (FoundJar::File { file, name }, Some(part)) => self.upload(&part, file, name).await,
            _ => Ok(found.id(plan::JAR)),
        }
    }

    /// Uploads a jar, as a part; returns its id.
    pub(super) async fn upload(&self, part: &Part, file: &Path, name: &str) -> Result<String> {
        let content = read(file)?;
        // It was read when the plan was made, and may have been rebuilt since.
        if versioned_name(file, &content) != name {
            return Err(refused(file, "it has just changed"));
        }
        let size = content.len();
        self.part(part.name, part.line(self.via()), async {
            let id = self.flink().upload(name, content).await?;
            Ok((id.clone(), format!("{size} bytes as {id}")))
        })
        .await
    }
}

/// The newest upload of a name: the whole one, or all before its content's hash.
pub(super) fn uploaded<'a>(jars: &'a [Jar], name: &str) -> Option<&'a Jar> {
    let is_hash = |rest: &str| rest.len() == HASH_DIGITS && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_meant = |jar: &&Jar| {
        let rest = jar.name.strip_prefix(name).and_then(|rest| rest.strip_prefix('-')?.strip_suffix(".jar"));
        jar.id == name || jar.name == name || rest.is_some_and(is_hash)
    };
    jars.iter().find(is_meant)
}

fn no_such_upload(name: &str, there: &[Jar]) -> anyhow::Error {
    let list: Vec<&str> = there.iter().map(|jar| jar.name.as_str()).collect();
    let list = if list.is_empty() { "nothing".to_owned() } else { list.join(", ") };
    anyhow!(Failure::Usage(format!("there is no file and no uploaded jar named {name}; uploaded: {list}")))
}

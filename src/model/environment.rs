/// The software a run was made with (ModelDB's `EnvironmentBlob`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Environment {
    /// Python or Docker, if either.
    pub content: Option<EnvironmentContent>,
    /// Environment variables.
    pub variables: Vec<EnvironmentVariable>,
    /// The command line, word by word.
    pub command_line: Vec<String>,
    /// Debian packages.
    pub apt_packages: Vec<String>,
}

/// What kind of environment it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnvironmentContent {
    /// A Python environment.
    Python(PythonEnvironment),
    /// A container image.
    Docker(DockerEnvironment),
}

/// One environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct EnvironmentVariable {
    pub name: String,
    pub value: String,
}

/// A version in three numbers and a suffix.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct SoftwareVersion {
    pub major: i32,
    pub minor: i32,
    pub patch: i32,
    pub suffix: String,
}

/// One line of a requirements or constraints file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PythonRequirement {
    /// Name of the library.
    pub library: String,
    /// The operator before the version: `==`, `>=`, ...
    pub constraint: String,
    /// The version.
    pub version: Option<SoftwareVersion>,
}

/// A Python environment; requirements and constraints are kept sorted by library.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PythonEnvironment {
    /// Version of the interpreter.
    pub version: Option<SoftwareVersion>,
    /// Parsed requirements.
    pub requirements: Vec<PythonRequirement>,
    /// Parsed constraints.
    pub constraints: Vec<PythonRequirement>,
    /// The requirements file as it was.
    pub raw_requirements: String,
    /// The constraints file as it was.
    pub raw_constraints: String,
}

/// A container image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct DockerEnvironment {
    pub repository: String,
    pub tag: String,
    pub sha: String,
}

impl SoftwareVersion {
    /// The version `major.minor.patch`.
    pub fn new(major: i32, minor: i32, patch: i32) -> Self {
        SoftwareVersion { major, minor, patch, suffix: String::new() }
    }

    /// With `suffix` behind the numbers.
    #[must_use]
    pub fn suffix(mut self, suffix: impl Into<String>) -> Self {
        self.suffix = suffix.into();
        self
    }
}

impl PythonRequirement {
    /// `library`, any version.
    pub fn new(library: impl Into<String>) -> Self {
        PythonRequirement { library: library.into(), ..PythonRequirement::default() }
    }

    /// With a version and the operator before it.
    #[must_use]
    pub fn version(mut self, constraint: impl Into<String>, version: SoftwareVersion) -> Self {
        self.constraint = constraint.into();
        self.version = Some(version);
        self
    }
}

impl PythonEnvironment {
    /// An environment of this interpreter.
    pub fn new(version: SoftwareVersion) -> Self {
        PythonEnvironment { version: Some(version), ..PythonEnvironment::default() }
    }

    /// Adds a requirement.
    #[must_use]
    pub fn requirement(mut self, requirement: PythonRequirement) -> Self {
        self.requirements.push(requirement);
        self
    }

    /// Adds a constraint.
    #[must_use]
    pub fn constraint(mut self, constraint: PythonRequirement) -> Self {
        self.constraints.push(constraint);
        self
    }

    /// The requirements file as it was.
    #[must_use]
    pub fn raw_requirements(mut self, text: impl Into<String>) -> Self {
        self.raw_requirements = text.into();
        self
    }
}

impl DockerEnvironment {
    /// The image `repository:tag`.
    pub fn new(repository: impl Into<String>, tag: impl Into<String>) -> Self {
        DockerEnvironment { repository: repository.into(), tag: tag.into(), sha: String::new() }
    }

    /// With the image's digest.
    #[must_use]
    pub fn sha(mut self, sha: impl Into<String>) -> Self {
        self.sha = sha.into();
        self
    }
}

impl Environment {
    /// An empty environment: variables and command line may follow.
    pub fn new() -> Self {
        Environment::default()
    }

    /// A Python environment.
    pub fn python(python: PythonEnvironment) -> Self {
        Environment { content: Some(EnvironmentContent::Python(python)), ..Environment::default() }
    }

    /// A container image.
    pub fn docker(docker: DockerEnvironment) -> Self {
        Environment { content: Some(EnvironmentContent::Docker(docker)), ..Environment::default() }
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.push(EnvironmentVariable { name: name.into(), value: value.into() });
        self
    }

    /// The command line, word by word.
    #[must_use]
    pub fn command_line<T: Into<String>>(mut self, words: impl IntoIterator<Item = T>) -> Self {
        self.command_line = words.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a Debian package.
    #[must_use]
    pub fn apt_package(mut self, package: impl Into<String>) -> Self {
        self.apt_packages.push(package.into());
        self
    }

    /// Sorts what ModelDB returns sorted.
    pub(crate) fn normalize(&mut self) {
        if let Some(EnvironmentContent::Python(python)) = &mut self.content {
            python.requirements.sort_by(|a, b| a.library.cmp(&b.library));
            python.constraints.sort_by(|a, b| a.library.cmp(&b.library));
        }
    }
}

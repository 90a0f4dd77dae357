//! Where a run comes from: code and environment, asked for once a start.

use std::env;
use std::process::Command;
use std::thread;

use modeldb::{CodeVersion, Environment};

/// What made the runs.
pub(crate) struct Provenance {
    /// The git commit; none outside of a work tree.
    pub(crate) code: Option<CodeVersion>,
    pub(crate) environment: Environment,
}

impl Provenance {
    pub(crate) fn collect() -> Self {
        let processors = thread::available_parallelism().map_or(0, usize::from);
        let environment = Environment::new()
            .variable("RUSTC_VERSION", output_of("rustc", &["--version"]).unwrap_or_default())
            .variable("OS", env::consts::OS)
            .variable("ARCH", env::consts::ARCH)
            .variable("PROCESSORS", processors.to_string())
            .command_line(env::args());
        Provenance { code: git(), environment }
    }
}

fn git() -> Option<CodeVersion> {
    let git = |words: &[&str]| output_of("git", &[&["-C", env!("CARGO_MANIFEST_DIR")], words].concat());
    let hash = git(&["rev-parse", "HEAD"])?;
    let remote = git(&["config", "--get", "remote.origin.url"]).unwrap_or_default();
    let changed = git(&["status", "--porcelain"])?;
    Some(CodeVersion::git(remote, hash).dirty(!changed.is_empty()).filepath("examples/quickstart"))
}

/// What a program prints, if it is there and succeeds.
fn output_of(program: &str, words: &[&str]) -> Option<String> {
    let output = Command::new(program).args(words).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

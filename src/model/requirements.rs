//! Python's requirement files and version numbers, as far as ModelDB takes them apart (ModelDB 8.4).

use super::{PythonEnvironment, PythonRequirement, SoftwareVersion};

/// What stands between a library and its version, the longest first.
const OPERATORS: [&str; 8] = ["===", "==", "~=", "!=", "<=", ">=", "<", ">"];

impl SoftwareVersion {
    /// The numbers at the beginning of a text, up to three with dots between them, and the rest as the suffix:
    /// `3.11.2`, `1.0rc1`, `2.1.0+cu118`. What does not begin with a number is all suffix.
    pub fn parse(text: &str) -> Self {
        let mut version = SoftwareVersion::default();
        let mut rest = text.trim();
        for part in [&mut version.major, &mut version.minor, &mut version.patch] {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let (digits, behind) = rest.split_at(end);
            let Ok(number) = digits.parse() else { break };
            *part = number;
            rest = behind;
            match rest.strip_prefix('.') {
                Some(next) => rest = next,
                None => break,
            }
        }
        version.suffix = rest.to_owned();
        version
    }
}

impl PythonRequirement {
    /// A line of a requirements file; none if it is empty, a comment or an option. Of several operators the first
    /// counts, and the others are in the suffix of the version; what is only for some environments is not told from the
    /// rest. What is named by an address (`library @ https://...`) has no version.
    pub fn parse(line: &str) -> Option<Self> {
        let comment = line.match_indices('#').map(|(at, _)| at);
        let mut comment =
            comment.filter(|at| line.get(..*at).is_some_and(|before| before.ends_with(char::is_whitespace)));
        let line = comment.next().and_then(|at| line.get(..at)).unwrap_or(line).trim();
        // It goes on in the next line, with options.
        let line = line.strip_suffix('\\').unwrap_or(line);
        if line.starts_with(['#', '-']) {
            return None;
        }
        if let Some((library, _)) = line.split_once('@').filter(|(_, address)| address.contains("://")) {
            let library = if library.contains("://") { line.trim() } else { library.trim() };
            return Some(PythonRequirement::new(library));
        }
        let line = line.split(';').next().unwrap_or_default().trim();
        if line.is_empty() {
            return None;
        }
        if line.contains("://") {
            return Some(PythonRequirement::new(line));
        }
        let found = OPERATORS.iter().filter_map(|operator| Some((line.find(operator)?, *operator)));
        // The first in the line, and of those the longest, which comes first.
        let Some((at, operator)) = found.min_by_key(|(at, _)| *at) else { return Some(PythonRequirement::new(line)) };
        let (library, rest) = line.split_at(at);
        let version = rest.strip_prefix(operator).unwrap_or_default();
        Some(PythonRequirement::new(library.trim()).version(operator, SoftwareVersion::parse(version)))
    }
}

impl PythonEnvironment {
    /// With the requirements of a file, and the file as it is.
    #[must_use]
    pub fn requirements_file(mut self, text: &str) -> Self {
        self.requirements.extend(text.lines().filter_map(PythonRequirement::parse));
        self.raw_requirements(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers_and_a_rest() {
        let version = |major, minor, patch, suffix: &str| SoftwareVersion::new(major, minor, patch).suffix(suffix);
        for (text, expected) in [
            ("3.11.2", version(3, 11, 2, "")),
            ("3", version(3, 0, 0, "")),
            ("3.11", version(3, 11, 0, "")),
            (" 1.0rc1 ", version(1, 0, 0, "rc1")),
            ("1.2.post1", version(1, 2, 0, "post1")),
            ("2.1.0+cu118", version(2, 1, 0, "+cu118")),
            ("1.2.3.4.5", version(1, 2, 3, "4.5")),
            ("1!2.0", version(1, 0, 0, "!2.0")),
            ("latest", version(0, 0, 0, "latest")),
            ("", version(0, 0, 0, "")),
            ("99999999999.1", version(0, 0, 0, "99999999999.1")),
            ("1.99999999999", version(1, 0, 0, "99999999999")),
            ("\u{0663}.1", version(0, 0, 0, "\u{0663}.1")),
        ] {
            assert_eq!(SoftwareVersion::parse(text), expected, "{text:?}");
        }
    }

    #[test]
    fn requirements_are_a_library_an_operator_and_a_version() {
        let version = |text: &str| SoftwareVersion::parse(text);
        let with = |library: &str, operator: &str, text: &str| {
            Some(PythonRequirement::new(library).version(operator, version(text)))
        };
        for (line, expected) in [
            ("numpy==1.26.4", with("numpy", "==", "1.26.4")),
            ("torch >= 2.1.0+cu118  # the fast one", with("torch", ">=", "2.1.0+cu118")),
            ("a~=1.4.2", with("a", "~=", "1.4.2")),
            ("b===1.0", with("b", "===", "1.0")),
            ("c!=2", with("c", "!=", "2")),
            ("d<3", with("d", "<", "3")),
            ("e<=3", with("e", "<=", "3")),
            ("f>1,<2", with("f", ">", "1,<2")),
            ("g[extra]==1.0; python_version < \"3.8\"", with("g[extra]", "==", "1.0")),
            ("plain", Some(PythonRequirement::new("plain"))),
            ("git+https://example.com/x.git", Some(PythonRequirement::new("git+https://example.com/x.git"))),
            ("numpy==1.26.4\t# pinned", with("numpy", "==", "1.26.4")),
            ("numpy==1.26.4 \\", with("numpy", "==", "1.26.4")),
            ("h#a==1", with("h#a", "==", "1")),
            ("i @ https://h/x?v==1", Some(PythonRequirement::new("i"))),
            ("j@git+https://user@h/x.git@v1", Some(PythonRequirement::new("j"))),
            ("git+https://h/x.git@v1==2", Some(PythonRequirement::new("git+https://h/x.git@v1==2"))),
            ("k==1;extra=='a@b'", with("k", "==", "1")),
            ("# a comment", None),
            ("-e git+https://h/x.git@v1#egg=x", None),
            ("\\", None),
            ("   ", None),
            ("-r other.txt", None),
            ("--hash=sha256:00", None),
        ] {
            assert_eq!(PythonRequirement::parse(line), expected, "{line:?}");
        }
    }
}

//! A process that works until it is killed: a test of this binary, started by itself.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// A process, and the lines that it says.
pub(crate) struct Working {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Working {
    /// Starts the test of this name, which finds `value` in the environment under `variable`.
    pub(crate) fn start(test: &str, variable: &str, value: &Path) -> Working {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env(variable, value)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Working { child, lines }
    }

    /// Waits until it has ended well, having said this.
    pub(crate) fn said(mut self, word: &str) {
        let said: Vec<String> = self.lines.map(Result::unwrap).collect();
        assert!(self.child.wait().unwrap().success() && said.iter().any(|line| line.contains(word)), "{said:#?}");
    }

    /// Waits until it has said `count` numbers after this word, and then so long; kills it, on unix with `kill -9`.
    /// Answers the last number it said.
    pub(crate) fn kill_after(mut self, word: &str, count: usize, then: Duration) -> u64 {
        let number = |line: String| line.split_once(word).and_then(|(_, number)| number.trim().parse::<u64>().ok());
        let mut numbers = self.lines.map(Result::unwrap).filter_map(number);
        let last = numbers.nth(count - 1).expect("it works on");
        std::thread::sleep(then);
        self.child.kill().unwrap();
        let _status = self.child.wait().unwrap();
        #[cfg(unix)]
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&_status), Some(9), "it ended by itself");
        // What it said before it died.
        numbers.last().unwrap_or(last)
    }
}

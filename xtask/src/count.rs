//! The closing line of every command that counts tests.

use anyhow::{Result, ensure};

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// Tests that ran and were right.
    pub(crate) passed: u64,
    /// Tests that ran and were wrong, or that should have run and could not.
    pub(crate) failed: u64,
}

impl Count {
    /// Counts one test.
    pub(crate) fn add(&mut self, passed: bool) {
        if passed {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }

    /// Prints the closing line, alone on its line, and fails unless every test passed and there was one.
    pub(crate) fn close(self) -> Result<()> {
        println!("{} passed, {} failed", self.passed, self.failed);
        ensure!(self.failed == 0, "{} failed", self.failed);
        ensure!(self.passed > 0, "no test ran");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Count;

    #[test]
    fn a_run_of_nothing_fails() {
        assert!(Count::default().close().is_err());
        assert!(Count { passed: 3, failed: 0 }.close().is_ok());
        assert!(Count { passed: 3, failed: 1 }.close().is_err());
    }
}

//! What a process and all that it has started cost, as `/proc` tells it.

use std::{collections::BTreeMap, fs, time::Duration};

use anyhow::{Context, Result};

/// What Linux counts processor time in, for programs, on every machine: a hundredth of a second.
const TICK: Duration = Duration::from_millis(10);

/// A process with its descendants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tree(pub(crate) u32);

impl Tree {
    /// Processor time of all of it so far, in user and in kernel mode, with that of those that have ended.
    pub(crate) fn cpu(self) -> Result<Duration> {
        let ticks: u64 = self.members()?.values().map(|stat| stat.ticks).sum();
        Ok(TICK * u32::try_from(ticks)?)
    }

    /// Forgets the peak of resident memory so far.
    pub(crate) fn reset_peak(self) -> Result<()> {
        for process in self.members()?.keys() {
            // It may have ended; and where the kernel does not offer this, the peak is that since the start.
            let _gone = fs::write(format!("/proc/{process}/clear_refs"), "5");
        }
        Ok(())
    }

    /// The sum of the peaks of resident memory, in bytes.
    pub(crate) fn peak(self) -> Result<u64> {
        self.sum("VmHWM:")
    }

    /// Resident memory now, in bytes.
    pub(crate) fn resident(self) -> Result<u64> {
        self.sum("VmRSS:")
    }

    fn sum(self, key: &str) -> Result<u64> {
        let members = self.members()?;
        let statuses = members.keys().filter_map(|process| fs::read_to_string(format!("/proc/{process}/status")).ok());
        Ok(statuses.filter_map(|status| kibibytes(&status, key)).sum::<u64>() * 1024)
    }

    fn members(self) -> Result<BTreeMap<u32, Stat>> {
        let mut all = BTreeMap::new();
        for entry in fs::read_dir("/proc").context("/proc cannot be read")? {
            let Some(process) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            all.extend(Stat::parse(&text).map(|stat| (process, stat)));
        }
        let root = *all.get(&self.0).with_context(|| format!("there is no process {}", self.0))?;
        let mut members = BTreeMap::from([(self.0, root)]);
        loop {
            let before = members.len();
            for (process, stat) in &all {
                if members.contains_key(&stat.parent) {
                    members.insert(*process, *stat);
                }
            }
            if members.len() == before {
                return Ok(members);
            }
        }
    }
}

/// Processor time of this program so far.
pub(crate) fn own_cpu() -> Result<Duration> {
    let stat = Stat::parse(&fs::read_to_string("/proc/self/stat")?).context("/proc/self/stat is not what it was")?;
    Ok(TICK * u32::try_from(stat.own)?)
}

/// What is of interest in `/proc/PID/stat`, as `man proc_pid_stat` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// Of its own.
    own: u64,
    /// With those of children that it has waited for.
    ticks: u64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The name is in parentheses and may hold anything, parentheses and blanks too.
        let (_, fields) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        let own = number(11)? + number(12)?;
        Some(Self { parent: fields.get(1)?.parse().ok()?, own, ticks: own + number(13)? + number(14)? })
    }
}

fn kibibytes(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Stat, Tree, kibibytes};
    use std::{
        process::{Command, Stdio},
        time::Duration,
    };

    #[test]
    fn a_line_of_stat_is_read_whatever_the_name() {
        let line = "42 (a) b) (c)) S 7 42 42 0 -1 4194560 1 2 3 4 50 60 700 800 20 0 9 0 1 2 3";
        assert_eq!(Stat::parse(line), Some(Stat { parent: 7, own: 110, ticks: 1610 }));
        assert_eq!(Stat::parse("42 (x) S 7"), None);
    }

    #[test]
    fn a_line_of_status_is_read() {
        assert_eq!(kibibytes("Name:\tx\nVmHWM:\t  1234 kB\nVmRSS:\t 99 kB\n", "VmHWM:"), Some(1234));
        assert_eq!(kibibytes("Name:\tx\n", "VmHWM:"), None);
    }

    /// The time of a shell's child counts while the child runs and after it has ended.
    #[test]
    fn the_time_of_children_counts() {
        let script = "i=0; sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'; echo done; read -r _";
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut shell = shell.spawn().unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(shell.stdout.as_mut().unwrap()), &mut line).unwrap();
        let tree = Tree(shell.id());
        assert!(tree.cpu().unwrap() >= Duration::from_millis(20), "{:?}", tree.cpu());
        assert!(tree.resident().unwrap() > 100_000 && tree.peak().unwrap() >= tree.resident().unwrap());
        drop(shell.stdin.take());
        shell.wait().unwrap();
        assert!(tree.cpu().is_err(), "the process is gone");
    }
}

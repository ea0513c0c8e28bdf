//! How much memory there is and how much the process uses, from the files of the kernel.

/// Reads a file of the kernel; `None` if it is not there. Tests bring their own files.
pub type ReadFile = fn(&str) -> Option<String>;

/// Reads the files of this machine.
pub fn read_file(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// Bytes that the process may use: the limit of its cgroup (v2, v1), or else RAM.
pub fn total(read: ReadFile) -> Option<u64> {
    [cgroup_limit(read), ram(read)].into_iter().flatten().min()
}

/// Bytes of RAM that the machine has.
pub fn ram(read: ReadFile) -> Option<u64> {
    kib_line(&read("/proc/meminfo")?, "MemTotal:")
}

/// Bytes of RAM that the process occupies.
pub fn resident(read: ReadFile) -> Option<u64> {
    kib_line(&read("/proc/self/status")?, "VmRSS:")
}

/// The lowest limit of the cgroup and those around it. In a container only the root of its own
/// hierarchy can be seen, which is the container's group.
pub fn cgroup_limit(read: ReadFile) -> Option<u64> {
    let groups = read("/proc/self/cgroup")?;
    let mut limits = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(id), Some(controllers), Some(path)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let (root, file) = if id == "0" {
            ("/sys/fs/cgroup", "memory.max")
        } else if controllers
            .split(',')
            .any(|controller| controller == "memory")
        {
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
        } else {
            continue;
        };
        // "No limit" is `max` in v2, and a number beyond any RAM in v1.
        let limit = |path: &str| {
            read(&format!("{root}{path}/{file}"))?
                .trim()
                .parse::<u64>()
                .ok()
        };
        let enclosing = path
            .match_indices('/')
            .filter_map(|(end, _)| path.get(..end));
        limits.extend(
            enclosing
                .chain([path.trim_end_matches('/')])
                .filter_map(limit),
        );
    }
    limits.into_iter().min()
}

/// The bytes of a line such as `VmRSS:    1234 kB`.
fn kib_line(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

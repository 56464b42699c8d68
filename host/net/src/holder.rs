//! Which process holds a port, as far as /proc tells.

use std::fs;

/// State of a listening socket in /proc/net/tcp.
const LISTEN: &str = "0A";

/// A process as an operator knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) pid: u32,
    pub(crate) name: String,
}

/// The process that listens on a TCP port, when it can be known.
pub(crate) fn of_tcp_port(port: u16) -> Option<Holder> {
    let inode = ["/proc/self/net/tcp", "/proc/self/net/tcp6"]
        .into_iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .find_map(|table| listening_inode(&table, port))?;
    let wanted = format!("socket:[{inode}]");
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let holds = fs::read_dir(entry.path().join("fd"))
            .ok()?
            .flatten()
            .any(|fd| fs::read_link(fd.path()).is_ok_and(|link| link.as_os_str() == wanted.as_str()));
        let name = || fs::read_to_string(entry.path().join("comm")).map(|name| name.trim().to_owned());
        holds.then(|| Holder { pid, name: name().unwrap_or_default() })
    })
}

/// The inode of the socket that listens on a port; columns as in proc(5).
fn listening_inode(table: &str, port: u16) -> Option<u64> {
    table.lines().skip(1).find_map(|line| {
        let columns: Vec<_> = line.split_whitespace().collect();
        let (_, local) = columns.get(1)?.rsplit_once(':')?;
        let found = u16::from_str_radix(local, 16).ok()? == port && *columns.get(3)? == LISTEN;
        found.then(|| columns.get(9)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listening_port_is_found_in_the_kernels_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:403B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1\n\
             1: 0100007F:403C 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4712 1\n";
        assert_eq!(listening_inode(table, 0x403B), Some(4711));
        assert_eq!(listening_inode(table, 0x403C), None);
    }
}

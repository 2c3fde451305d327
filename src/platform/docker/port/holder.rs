//! The process that listens on a port, as far as this user may see it.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// As in `java (process 4123)`.
pub(super) fn process(address: SocketAddr) -> Option<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| std::fs::read_to_string(path).unwrap_or_default());
    let socket = format!("socket:[{}]", tables.iter().find_map(|table| inode(table, address))?);
    let mut processes = std::fs::read_dir("/proc").ok()?.flatten();
    let (pid, name) = processes.find_map(|entry| holds(&entry.path(), &socket))?;
    Some(format!("{name} (process {pid})"))
}

/// The number and name of the process in a folder of `/proc`, when it has the socket open.
fn holds(folder: &Path, socket: &str) -> Option<(u32, String)> {
    let pid = folder.file_name()?.to_str()?.parse().ok()?;
    let mut files = std::fs::read_dir(folder.join("fd")).ok()?.flatten();
    files.any(|file| std::fs::read_link(file.path()).is_ok_and(|target| target.as_os_str() == socket)).then(|| {
        let name = std::fs::read_to_string(folder.join("comm")).unwrap_or_default();
        (pid, name.trim().to_owned())
    })
}

/// The inode of the socket that listens on an address, or on all addresses, with its port.
fn inode(table: &str, address: SocketAddr) -> Option<&str> {
    const LISTENS: &str = "0A";
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (host, port) = fields.get(1)?.split_once(':')?;
        let same_port = u16::from_str_radix(port, 16).ok()? == address.port();
        let same_host = host.bytes().all(|digit| digit == b'0') || host == hexadecimal(address.ip());
        (same_port && same_host && *fields.get(3)? == LISTENS).then(|| fields.get(9).copied())?
    })
}

/// As the kernel writes it: words of four bytes, each in the machine's own order.
fn hexadecimal(address: IpAddr) -> String {
    let bytes = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let word = |bytes: &[u8]| <[u8; 4]>::try_from(bytes).map(u32::from_ne_bytes).unwrap_or_default();
    bytes.chunks(4).map(|bytes| format!("{:08X}", word(bytes))).collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn the_process_that_listens_is_found() {
        for host in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(host) else { continue };
            let port = listener.local_addr().unwrap().port();
            let asked = if host.starts_with('[') {
                listener.local_addr().unwrap()
            } else {
                SocketAddr::from(([127, 0, 0, 1], port))
            };
            let found = process(asked).unwrap();
            assert!(found.ends_with(&format!("(process {})", std::process::id())), "{host}: {found}");
        }
    }

    #[test]
    fn nobody_is_found_where_nobody_listens() {
        assert_eq!(process(SocketAddr::from(([127, 0, 0, 1], 1))), None);
    }
}

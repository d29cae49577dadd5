//! Addresses to which no request is sent: those at which only the machine itself is served.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Metadata services that are not link-local: of Alibaba Cloud, Azure, Oracle Cloud, AWS and Google Cloud.
const METADATA: [IpAddr; 5] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// Whether an address is link-local or a cloud's metadata service, also if it is an IPv4 one in IPv6.
pub(super) fn is_forbidden(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_unicast_link_local()
                || embedded(address).is_some_and(|v4| is_forbidden(v4.into()))
        }
    };
    link_local || METADATA.contains(&address)
}

/// The IPv4 address in an IPv6 one: mapped, compatible, NAT64 (RFC 6052) or 6to4.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let words = address.segments();
    let of = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match words {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => of(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => of(high, low),
        [0x2002, high, low, ..] => of(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("169.254.169.254", true)]
    #[case("169.254.0.1", true)]
    #[case("fe80::1", true)]
    #[case("febf::1", true)]
    #[case("::ffff:169.254.169.254", true)]
    #[case("::169.254.169.254", true)]
    #[case("64:ff9b::169.254.169.254", true)]
    #[case("2002:a9fe:a9fe::1", true)]
    #[case("fd00:ec2::254", true)]
    #[case("::ffff:100.100.100.200", true)]
    #[case("127.0.0.1", false)]
    #[case("::1", false)]
    #[case("10.0.0.1", false)]
    #[case("fd00::1", false)]
    #[case("::ffff:10.0.0.1", false)]
    fn link_local_addresses_and_metadata_services_are_forbidden(
        #[case] address: &str,
        #[case] forbidden: bool,
    ) {
        assert_eq!(is_forbidden(address.parse().unwrap()), forbidden);
    }
}

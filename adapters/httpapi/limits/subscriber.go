package limits

import "net/netip"

// subscriberBits is the length of the network that one subscriber has in IPv6.
const subscriberBits = 64

// Subscriber returns the address by which a client's requests are counted: an IPv4
// address as it is and, since one host can use any address of its network in IPv6, the
// first address of the /64 there.
func Subscriber(address netip.Addr) netip.Addr {
	address = address.Unmap().WithZone("")
	if !address.Is6() {
		return address
	}
	network, _ := address.Prefix(subscriberBits) // never fails: the length is valid
	return network.Addr()
}

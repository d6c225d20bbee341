package limits

import "net/netip"

// Networks says which addresses may send requests. The zero value allows all.
type Networks struct {
	// Allow lists the only addresses that may ask. An empty list allows all.
	Allow []netip.Prefix
	// Deny lists addresses that may not ask, whatever Allow says.
	Deny []netip.Prefix
}

// Restrict reports whether there is an address that may not ask.
func (n Networks) Restrict() bool { return len(n.Allow) > 0 || len(n.Deny) > 0 }

// Admit reports whether an address may ask. The invalid address, which stands for a
// client without one, is in no network: it may ask unless Allow has a list.
func (n Networks) Admit(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	return !contains(n.Deny, address) && (len(n.Allow) == 0 || contains(n.Allow, address))
}

func contains(networks []netip.Prefix, address netip.Addr) bool {
	for _, network := range networks {
		if network.Contains(address) {
			return true
		}
	}
	return false
}

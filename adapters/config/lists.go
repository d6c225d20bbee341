package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/tailscale/hujson"

	"github.com/edge-proxy/edge-proxy/domain"
)

// listReader reads a setting that is a list of objects, and collects everything that is
// wrong with them.
type listReader struct {
	loader   *loader
	origin   string
	problems []Problem
}

// readList returns the elements of the list in text, and a reader for them.
func (l *loader) readList(d *definition, text string) (*listReader, []hujson.Value, error) {
	value, err := parseJSON([]byte(text))
	if err != nil {
		return nil, nil, err
	}
	array, ok := value.Value.(*hujson.Array)
	if !ok {
		return nil, nil, errNotAllowed
	}
	return &listReader{loader: l, origin: l.originOf(d)}, array.Elements, nil
}

// members returns the two members that an object may have. It warns of others.
func (r *listReader) members(key string, value hujson.Value, first, second string) (map[string]hujson.Value, bool) {
	object, ok := value.Value.(*hujson.Object)
	if !ok {
		r.problem(key, describe(value.Value, true), fmt.Sprintf("an object with %q and %q", first, second))
		return nil, false
	}
	members := map[string]hujson.Value{}
	for _, m := range object.Members {
		name := m.Name.Value.(hujson.Literal).String()
		if name != first && name != second {
			r.loader.warnUnknown(key+"."+oneLine(name), name, similarKey(name, []string{first, second}), r.origin)
			continue
		}
		members[name] = m.Value
	}
	return members, true
}

func (r *listReader) problem(key, value, allowed string) {
	r.problems = append(r.problems, Problem{Key: key, Value: value, Allowed: allowed, Origin: r.origin})
}

// err returns the problems as a *ProblemsError, or nil.
func (r *listReader) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	return &ProblemsError{Problems: r.problems}
}

// texts reads a list of texts: JSON when it begins with a bracket, else
// separated by commas, optionally all in quotes. Blanks around texts and empty texts
// are dropped.
func texts(text string) ([]string, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, `"`) {
		if err := json.Unmarshal([]byte(text), &text); err != nil {
			return nil, errNotAllowed
		}
	}
	parts := strings.Split(text, ",")
	if strings.HasPrefix(text, "[") {
		standard, err := standardJSON(text)
		if err != nil {
			return nil, errNotAllowed
		}
		parts = nil
		if err := json.Unmarshal(standard, &parts); err != nil {
			return nil, errNotAllowed
		}
	}
	all := []string{}
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			all = append(all, p)
		}
	}
	return all, nil
}

// parseOrigins reads allow_origins. It warns of texts that can never equal an Origin
// header, and keeps them as the Python proxy does.
func parseOrigins(l *loader, d *definition, text string) ([]string, error) {
	origins, err := texts(text)
	if err != nil {
		return nil, err
	}
	for _, origin := range origins {
		if origin == "*" || origin == "null" {
			continue
		}
		u, err := url.Parse(origin)
		if err != nil || u.Scheme == "" || u.Host == "" || strings.Contains(u.Host, "*") || u.Scheme+"://"+u.Host != origin {
			l.warn(d.key, quote(domain.RedactURL(origin))+" matches no origin: an origin is a scheme, a host and perhaps a port, such as https://www.example.com", l.originOf(d))
		}
	}
	return origins, nil
}

// TrustedPeers are the peers whose forwarding headers are believed. The zero
// value trusts nobody. It is read-only and safe for concurrent use.
type TrustedPeers struct {
	All      bool
	Prefixes []netip.Prefix
}

// parsePeers reads FORWARDED_ALLOW_IPS.
func parsePeers(text string) (TrustedPeers, error) {
	parts, err := texts(text)
	if err != nil {
		return TrustedPeers{}, err
	}
	isAll := func(part string) bool { return part == "*" }
	peers := TrustedPeers{All: slices.ContainsFunc(parts, isAll)}
	peers.Prefixes, err = networksOf(slices.DeleteFunc(parts, isAll), "addresses and CIDR ranges separated by commas, or *; ")
	return peers, err
}

// Networks are ranges of addresses. They are read-only and safe for concurrent use.
type Networks []netip.Prefix

// Contains reports whether an address is in one of the networks.
func (n Networks) Contains(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	return slices.ContainsFunc(n, func(network netip.Prefix) bool { return network.Contains(address) })
}

// parseNetworks reads a list of networks.
func parseNetworks(text string) (Networks, error) {
	parts, err := texts(text)
	if err != nil {
		return nil, err
	}
	return networksOf(parts, "addresses and CIDR ranges such as 192.0.2.0/24; ")
}

// networksOf returns the networks that parts name. allowed begins the error about one that
// names none.
func networksOf(parts []string, allowed string) (networks []netip.Prefix, err error) {
	for _, part := range parts {
		network, ok := parseNetwork(part)
		if !ok {
			return nil, &reason{allowed + quote(part) + " is neither"}
		}
		networks = append(networks, network)
	}
	return networks, nil
}

// parseNetwork reads a CIDR range, or an address as the range of it alone.
func parseNetwork(text string) (netip.Prefix, bool) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		address, err := netip.ParseAddr(text)
		if err != nil || address.Zone() != "" {
			return netip.Prefix{}, false
		}
		prefix = netip.PrefixFrom(address, address.BitLen())
	}
	if a := prefix.Addr(); a.Is4In6() && prefix.Bits() >= 96 {
		prefix = netip.PrefixFrom(a.Unmap(), prefix.Bits()-96)
	}
	return prefix.Masked(), true
}

// parseObject reads a JSON object and returns it compact, its keys sorted and
// the last of a repeated key kept, so that equal settings are equal bytes.
func parseObject(text string) (json.RawMessage, error) {
	object, err := decodeObject(text)
	if err != nil {
		return nil, err
	}
	return encodeObject(object)
}

func decodeObject(text string) (map[string]any, error) {
	standard, err := standardJSON(text)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(standard))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil || object == nil {
		return nil, errNotAllowed
	}
	return object, nil
}

func encodeObject(object map[string]any) (json.RawMessage, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(object); err != nil {
		return nil, errNotAllowed
	}
	return bytes.TrimSpace(out.Bytes()), nil
}

// mergeObjects puts the members of over into under, objects member by member,
// anything else replacing what was there.
func mergeObjects(under, over map[string]any) {
	for name, value := range over {
		below, isObject := under[name].(map[string]any)
		above, bothObjects := value.(map[string]any)
		if isObject && bothObjects {
			mergeObjects(below, above)
			continue
		}
		under[name] = value
	}
}

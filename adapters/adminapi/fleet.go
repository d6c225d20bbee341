package adminapi

import (
	"slices"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
)

// pageNodes is how many nodes the page shows.
const pageNodes = 50

// fleetView is the nodes that share the store, as the page shows them.
type fleetView struct {
	Text  string // a sentence
	Nodes []nodeView
}

// nodeView is a node of the fleet. Differs is what is not as on this node.
type nodeView struct{ Name, State, Class, Version, Config, Differs, Seen string }

func fleetViewOf(s app.Status) fleetView {
	f := s.Fleet
	switch {
	case !f.Shared:
		return fleetView{Text: "A single node: no other node shares its store."}
	case f.ReadAt.IsZero():
		return fleetView{Text: "The store has not been asked for other nodes yet."}
	}
	v := fleetView{Text: plural(len(f.Nodes), "node shares", "nodes share") + " the store, as it was " + ago(s, f.ReadAt) + "."}
	if len(f.Nodes) == 1 {
		v.Text = "No other node was seen in the store " + ago(s, f.ReadAt) + "."
	}
	for _, n := range f.Nodes[:min(len(f.Nodes), pageNodes)] {
		v.Nodes = append(v.Nodes, nodeViewOf(s, n))
	}
	if more := len(f.Nodes) - pageNodes; more > 0 {
		v.Text += " The first " + plural(pageNodes, "is", "are") + " shown; status.json has all."
	}
	return v
}

func nodeViewOf(s app.Status, n app.NodeStatus) nodeView {
	v := nodeView{Name: cut(n.Name, 60), State: "ready", Class: "good", Version: cut(n.Version, 30), Config: cut(n.ConfigHash, 16), Seen: ago(s, n.Seen)}
	if !n.Ready {
		v.State, v.Class = "not ready", "critical"
	}
	if n.Name == s.Node {
		v.Seen = "this node"
	}
	if differs(s.Fleet, n) {
		v.Differs = "differs from this node"
	}
	return v
}

// drifted returns the nodes whose configuration is not that of this node.
func drifted(f app.FleetStatus) []app.NodeStatus {
	return slices.DeleteFunc(slices.Clone(f.Nodes), func(n app.NodeStatus) bool { return !differs(f, n) })
}

// differs reports whether a node is known to have another configuration than this one.
func differs(f app.FleetStatus, n app.NodeStatus) bool {
	here := f.Nodes[0].ConfigHash
	return here != "" && n.ConfigHash != "" && n.ConfigHash != here
}

// fleetJSON is the fleet in /status.json.
type fleetJSON struct {
	Shared bool       `json:"shared"`
	Read   *time.Time `json:"read"`
	Nodes  []nodeJSON `json:"nodes"`
}

type nodeJSON struct {
	Node       string     `json:"node"`
	Version    *string    `json:"version"`
	ConfigHash *string    `json:"config_hash"`
	Ready      bool       `json:"ready"`
	Seen       *time.Time `json:"seen"`
}

func fleetOf(f app.FleetStatus) fleetJSON {
	out := fleetJSON{Shared: f.Shared, Read: moment(f.ReadAt), Nodes: []nodeJSON{}}
	for _, n := range f.Nodes {
		out.Nodes = append(out.Nodes, nodeJSON{n.Name, unlessEmpty(n.Version), unlessEmpty(n.ConfigHash), n.Ready, moment(n.Seen)})
	}
	return out
}

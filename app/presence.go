package app

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	// placesAtOnce is how many places of nodes are read with one call of the store.
	placesAtOnce = 64
	// maxPlaces bounds the nodes of a fleet that know of each other.
	maxPlaces = 4096
	// presencePeriods is for how many periods a node takes its place.
	presencePeriods = 3
	// longestVersion bounds the text about a version that a node puts into the store.
	longestVersion = 100
)

// presence is how the nodes that share a store know of each other. A node takes a place,
// which is a lease under a number, writes what it runs into the lease's note, and reads
// the places of the others. A node that ends gives its place back; the place of a node
// that died runs out.
//
// Places are taken from the lowest numbers up, so that few are read: reading ends at the
// first block of which half is free, and a node that has its place beyond that takes a
// lower one. The larger the fleet, the longer the time between two readings, so that a
// node transfers about as much in an interval whatever the size of its fleet.
//
// One goroutine calls exchange and leave. status is safe for concurrent use.
type presence struct {
	store  ports.Leaser
	shared bool // other processes may use the store
	node   string
	period func() time.Duration
	now    func() time.Time
	random func() float64
	self   func() nodeNote // what this node says of itself

	place           int       // of this node; -1: none
	said            nodeNote  // what the note of the place has
	claimAt, readAt time.Time // when these are due

	known atomic.Pointer[FleetStatus] // but for this node; nil: not read yet
}

// nodeNote is what a node says of itself.
type nodeNote struct {
	Version    string `json:"version"`
	ConfigHash string `json:"config"`
	Ready      bool   `json:"ready"`
	// Life is for how many milliseconds the node took the place when it wrote this.
	Life int64 `json:"life"`
}

func newPresence(deps Deps, node string, period func() time.Duration, self func() nodeNote) *presence {
	return &presence{
		store: deps.Store, shared: !exclusive(deps.Store), node: node, period: period, now: deps.Now, random: deps.Random,
		self: self, place: -1,
	}
}

// status returns the other nodes.
func (p *presence) status() FleetStatus {
	s := FleetStatus{Shared: p.shared}
	if known := p.known.Load(); known != nil {
		s.ReadAt, s.Nodes = known.ReadAt, slices.Clone(known.Nodes)
	}
	return s
}

// exchange does what is due: it writes what this node says, and reads what others do. A
// store that does not answer is asked again with the next exchange.
func (p *presence) exchange(ctx context.Context) {
	if !p.shared {
		return
	}
	now, period := p.now(), p.period()
	if p.place < 0 || isDue(p.readAt, now, p.pause(period)) {
		free, err := p.read(ctx)
		if err != nil {
			return
		}
		p.readAt = now.Add(p.pause(period))
		if p.place < 0 && len(free) > 0 {
			p.place, p.claimAt = free[int(p.random()*float64(len(free)))], now
		}
	}
	if say := p.self(); p.place >= 0 && (say != p.said || isDue(p.claimAt, now, period)) {
		p.claim(ctx, say, period)
	}
}

// isDue reports whether something is due that happens after each pause. A time further
// away than a pause is from before the clock was set back.
func isDue(at, now time.Time, pause time.Duration) bool {
	rest := at.Sub(now)
	return rest <= 0 || rest > pause
}

// pause returns the time between two readings. What happens in a period happens with an
// exchange, of which there are some in a period.
func (p *presence) pause(period time.Duration) time.Duration {
	nodes := 0
	if known := p.known.Load(); known != nil {
		nodes = len(known.Nodes)
	}
	return (period - period/beatsPerInterval/2) * time.Duration(1+nodes/placesAtOnce)
}

// claim takes or extends the place of this node.
func (p *presence) claim(ctx context.Context, say nodeNote, period time.Duration) {
	life := presencePeriods * period
	note := say
	note.Version, note.Life = cutVersion(say.Version), life.Milliseconds()
	text, err := json.Marshal(note)
	if err != nil { // it is made of plain values: cannot be
		return
	}
	asked := p.now()
	leases, err := p.store.TryLeases(ctx, []ports.Claim{{Name: placeName(p.place), Note: string(text)}}, p.node, life)
	switch {
	case err != nil:
	case leases[0].Holder != p.node: // another node was first
		p.place = -1
	default:
		p.said, p.claimAt = say, asked.Add(period-period/beatsPerInterval/2)
	}
}

// read reads the places of all nodes and returns those that are free. If this node's is
// not among those that were read, it has none any more.
func (p *presence) read(ctx context.Context) (free []int, err error) {
	at := p.now()
	var nodes []NodeStatus
	end := 0
	for end < maxPlaces {
		names := make([]string, placesAtOnce)
		for i := range names {
			names[i] = placeName(end + i)
		}
		leases, err := p.store.Leases(ctx, names)
		if err != nil {
			return nil, err
		}
		before := len(free)
		for i, l := range leases {
			switch {
			case l.Holder == "" || !l.Until.After(at):
				free = append(free, end+i)
			case l.Holder != p.node:
				nodes = append(nodes, nodeStatus(l))
			}
		}
		end += placesAtOnce
		if len(free)-before >= placesAtOnce/2 {
			break
		}
	}
	if p.place >= end {
		p.place = -1
	}
	// A node that has taken a lower place has two for a while.
	slices.SortFunc(nodes, func(a, b NodeStatus) int { return cmp.Or(cmp.Compare(a.Name, b.Name), b.Seen.Compare(a.Seen)) })
	nodes = slices.CompactFunc(nodes, func(a, b NodeStatus) bool { return a.Name == b.Name })
	p.known.Store(&FleetStatus{ReadAt: at, Nodes: nodes})
	return lowestFree(free), nil
}

// lowestFree returns those of the free places, which are in order, that are in the block
// of the first: nodes that start at one moment should not want the same place.
func lowestFree(free []int) []int {
	n := 0
	for n < len(free) && free[n]/placesAtOnce == free[0]/placesAtOnce {
		n++
	}
	return free[:n]
}

// leave gives the place of this node back.
func (p *presence) leave(ctx context.Context) {
	if p.place >= 0 && p.shared {
		_ = p.store.DropLeases(ctx, []string{placeName(p.place)}, p.node)
	}
}

// placeName returns the name of the lease that is a place.
func placeName(place int) string { return "node " + strconv.Itoa(place) }

// nodeStatus returns what the lease of a place says of its node. Of a note that is another
// program's it knows the name alone.
func nodeStatus(l ports.Lease) NodeStatus {
	var note nodeNote
	if json.Unmarshal([]byte(l.Note), &note) != nil {
		note = nodeNote{}
	}
	return NodeStatus{
		Name: l.Holder, Version: cutVersion(note.Version), ConfigHash: cutVersion(note.ConfigHash), Ready: note.Ready,
		Seen: l.Until.Add(-time.Duration(note.Life) * time.Millisecond),
	}
}

// cutVersion returns a text without what is beyond its longest form.
func cutVersion(text string) string { return text[:min(len(text), longestVersion)] }

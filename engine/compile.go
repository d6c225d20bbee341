package engine

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
	"github.com/edge-proxy/edge-proxy/engine/python/jsonpath"
)

// maxProblems is how many problems the compilation of one document reports.
const maxProblems = 100

// Compile compiles a document. It never fails: a condition that makes no sense, with
// an unknown operator or an invalid regular expression for example, never holds and
// is reported as a Problem. It reports at most 100 problems.
func Compile(document *domain.Environment) (*Program, []domain.Problem) {
	c := compile(document)
	return c.program, c.problems
}

// compile compiles a document and returns the compiler, which also knows which part of
// the document each part of the program comes from.
func compile(document *domain.Environment) *compiler {
	c := &compiler{
		document: document,
		program: &Program{
			environmentKey: document.APIKey,
			byName:         make(map[string]int, len(document.FeatureStates)),
			slots:          map[string]int32{},
			nslots:         firstPropertySlot,
		},
		pathOf:   map[int32]int32{},
		personal: map[outcomeKey]OutcomeID{},
		types:    make(map[int64]string, len(document.FeatureStates)),
		shared:   make(map[domain.Feature]*domain.Feature, len(document.FeatureStates)),
		targeted: map[string]bool{},
		steps:    compileSteps,
		hidden:   make(map[int64]bool, len(document.ServerKeyOnly)),
	}
	c.segmentList = c.distinctSegments()
	c.features()
	c.segments()
	c.identities()
	c.program.dependencies = c.dependencies()
	c.program.outcomes = slices.Clone(c.program.outcomes) // without the room to grow
	c.program.flags = c.program.evaluateFlags()
	c.budget()
	return c
}

type compiler struct {
	document *domain.Environment
	program  *Program
	problems []domain.Problem

	pathOf   map[int32]int32          // index into program.paths by slot
	personal map[outcomeKey]OutcomeID // outcomes of identity overrides
	types    map[int64]string
	shared   map[domain.Feature]*domain.Feature // by id and name
	hidden   map[int64]bool
	targeted map[string]bool  // names of features that have an override
	tree     *jsonpath.Object // built for the first JSONPath that needs it

	segmentList []*domain.Segment // each id once
	compiled    []*domain.Segment // the source of each of Program.segments
	ranked      []rankedState     // the source of each of Program.states
	steps       int               // what is left for JSONPaths that are resolved by the compilation
	cutOff      []string          // those of them that exceeded it
}

// outcomeKey is the key of equal outcomes of identity overrides. There can be many, so
// they share outcomes. Values are compared as in JSON: 1, 1.0, "1" and true are four values.
type outcomeKey struct {
	id      int64
	name    string
	enabled bool
	kind    jsonscan.Kind
	value   string
}

// budget reports what exceeds the budget of an evaluation for every identity.
func (c *compiler) budget() {
	list := segmentsPath()
	for _, path := range c.cutOff {
		c.problem(&list, "it finds no value", "the JSONPath %s takes too many steps", quote(path))
	}
	if c.program.CutOffs() != [NumCosts]uint64{} {
		c.problem(&list, "conditions that are cut off do not hold", "evaluating them takes too many steps even without an identity")
	}
}

// segmentsPath returns the path of the segments.
func segmentsPath() domain.Path {
	root := domain.Path{}
	project := root.Field("project")
	return project.Field("segments")
}

func (c *compiler) problem(p *domain.Path, effect, format string, args ...any) {
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, domain.Problem{Path: p.String(), What: fmt.Sprintf(format, args...), Effect: effect})
	}
}

// features compiles the environment's own feature states. Of several with one name
// the last wins and takes the place of the first.
func (c *compiler) features() {
	root := domain.Path{}
	list := root.Field("feature_states")
	states := c.document.FeatureStates
	for i := range states {
		c.types[states[i].Feature.ID] = states[i].Feature.Type
	}
	for _, id := range c.document.ServerKeyOnly {
		c.hidden[id] = true
	}
	for _, s := range c.segmentList {
		for i := range s.Overrides {
			c.targeted[s.Overrides[i].Feature.Name] = true
		}
	}
	for i := range c.document.IdentityOverrides {
		for j := range c.document.IdentityOverrides[i].Features {
			c.targeted[c.document.IdentityOverrides[i].Features[j].Feature.Name] = true
		}
	}
	for i := range states {
		name := states[i].Feature.Name
		base := Outcome{Reason: Static}
		if c.targeted[name] {
			base.Reason = Default
		}
		if states[i].ByOperator {
			base.Reason = Override
		}
		s := c.state(&states[i], base)
		if at, twice := c.program.byName[name]; twice {
			c.problem(&list, "the last one wins", "feature %q is there more than once", name)
			c.program.features[at] = s
			continue
		}
		c.program.byName[name] = len(c.program.features)
		c.program.features = append(c.program.features, s)
	}
}

// state compiles a feature state. base has what its outcomes have in common.
func (c *compiler) state(fs *domain.FeatureState, base Outcome) state {
	base.Metadata = fs.Metadata
	if len(fs.Variants) == 0 {
		return state{outcome: c.add(c.outcome(fs, fs.Value, base))}
	}
	base.Choice = &Choice{}
	plain := c.outcome(fs, fs.Value, base)
	s := state{outcome: c.add(plain)}
	plain.Choice = &Choice{Variant: domain.StringValue("control")}
	s.split = &split{key: fs.Key + ",", options: make([]option, len(fs.Variants)), control: c.add(plain)}
	ordered := slices.Clone(fs.Variants)
	slices.SortStableFunc(ordered, func(a, b domain.Variant) int { return a.Order.Compare(b.Order) })
	start := 0.0
	for i, v := range ordered {
		weight, _ := v.Weight.Float()
		o := c.outcome(fs, v.Value, base)
		o.Reason, o.Choice = Split, &Choice{Number: i + 1, Weight: v.Weight, Variant: v.Key}
		s.split.options[i] = option{start, start + weight, c.add(o)}
		start += weight
	}
	return s
}

// personalOutcome compiles the feature state of an identity, which does not split.
func (c *compiler) personalOutcome(fs *domain.FeatureState) OutcomeID {
	key := outcomeKey{fs.Feature.ID, fs.Feature.Name, fs.Enabled, fs.Value.Kind(), fs.Value.Text()}
	id, known := c.personal[key]
	if !known {
		id = c.add(c.outcome(fs, fs.Value, Outcome{Reason: TargetingMatch, Source: FromIdentity}))
		c.personal[key] = id
	}
	return id
}

// outcome returns base for a feature state and a value.
func (c *compiler) outcome(fs *domain.FeatureState, v domain.Value, base Outcome) Outcome {
	base.Feature = c.feature(fs.Feature.ID, fs.Feature.Name)
	base.Enabled, base.Value = fs.Enabled, v
	base.Hidden = c.hidden[fs.Feature.ID] || c.document.HideDisabledFlags && !fs.Enabled
	return base
}

// feature returns the feature with that id and name, the same one for each of its
// outcomes.
func (c *compiler) feature(id int64, name string) *domain.Feature {
	key := domain.Feature{ID: id, Name: name}
	f, known := c.shared[key]
	if !known {
		f = &domain.Feature{ID: id, Name: name, Type: cmp.Or(c.types[id], "STANDARD")}
		c.shared[key] = f
	}
	return f
}

// add numbers an outcome.
func (c *compiler) add(o Outcome) OutcomeID {
	c.program.outcomes = append(c.program.outcomes, o)
	return OutcomeID(len(c.program.outcomes) - 1)
}

// rankedState is a segment's override on its way to its rank.
type rankedState struct {
	source   *domain.FeatureState
	priority float64
	state    state
	at       *override
}

// segments compiles the segments that override something, ranks their overrides
// and builds the index.
func (c *compiler) segments() {
	list := segmentsPath()
	for _, s := range c.segmentList {
		path := list.Index(s.Position)
		if len(s.Rules) == 0 {
			continue // a segment without rules matches nobody
		}
		compiled := segment{rules: c.rules(s.Rules, s.ID, &path)}
		overrides, name := make([]override, 0, len(s.Overrides)), &SegmentName{s.ID, s.Name}
		for i := range s.Overrides {
			fs := &s.Overrides[i]
			feature, ok := c.program.byName[fs.Feature.Name]
			if !ok {
				p := path.Field("feature_states")
				c.problem(&p, "the override does nothing", "it overrides feature %q, which the environment lacks", fs.Feature.Name)
				continue
			}
			overrides = append(overrides, override{feature: int32(feature)})
			priority, ok := fs.Priority.Float()
			if !ok {
				priority = math.Inf(1)
			}
			state := c.state(fs, Outcome{Reason: TargetingMatch, Source: FromSegment, Segment: name})
			c.ranked = append(c.ranked, rankedState{fs, priority, state, &overrides[len(overrides)-1]})
		}
		compiled.overrides = overrides
		compiled.reads = slices.ContainsFunc(compiled.rules, func(r rule) bool { return r.reads })
		if len(overrides) > 0 || compiled.reads {
			c.program.segments = append(c.program.segments, compiled)
			c.compiled = append(c.compiled, s)
		}
	}
	// The lowest priority wins, the first one in the document on a tie.
	slices.SortStableFunc(c.ranked, func(a, b rankedState) int { return cmp.Compare(a.priority, b.priority) })
	c.program.states = make([]state, len(c.ranked))
	for rank, r := range c.ranked {
		c.program.states[rank] = r.state
		r.at.rank = uint32(rank)
	}
	c.program.index = newIndex(c.program.segments, c.program.nslots)
	for i := range c.program.segments {
		dropValues(c.program.segments[i].rules)
	}
}

// dropValues releases what only newIndex reads.
func dropValues(rules []rule) {
	for i := range rules {
		for j := range rules[i].conditions {
			rules[i].conditions[j].values = nil
		}
		dropValues(rules[i].rules)
	}
}

// distinctSegments returns the segments. Of several with one id the last wins and
// takes the place of the first.
func (c *compiler) distinctSegments() []*domain.Segment {
	list := segmentsPath()
	segments := make([]*domain.Segment, 0, len(c.document.Segments))
	byID := make(map[string]int, len(c.document.Segments))
	for i := range c.document.Segments {
		s := &c.document.Segments[i]
		if at, twice := byID[s.ID]; twice {
			p := list.Index(s.Position)
			c.problem(&p, "the last one wins", "segment id %s is there more than once", s.ID)
			segments[at] = s
			continue
		}
		byID[s.ID] = len(segments)
		segments = append(segments, s)
	}
	return segments
}

func (c *compiler) rules(rules []domain.Rule, segmentID string, parent *domain.Path) []rule {
	list := parent.Field("rules")
	compiled := make([]rule, len(rules))
	for i := range rules {
		p := list.Index(i)
		conditions := c.conditions(rules[i].Conditions, segmentID, &p)
		compiled[i] = newRule(rules[i].Type, conditions, c.rules(rules[i].Rules, segmentID, &p))
	}
	return compiled
}

func (c *compiler) conditions(conditions []domain.Condition, segmentID string, parent *domain.Path) []condition {
	list := parent.Field("conditions")
	compiled := make([]condition, len(conditions))
	for i := range conditions {
		p := list.Index(i)
		test, problem := compileTest(&conditions[i], segmentID)
		if problem != "" {
			c.problem(&p, "the condition never holds", "%s", problem)
		}
		compiled[i] = c.bind(test, &conditions[i])
		if path := compiled[i].path; path >= 0 && c.program.paths[path].flag != nil {
			flag := c.program.paths[path].flag
			compiled[i].readsFlag = true
			if flag.feature == missing {
				c.problem(&p, "the condition finds no value", "it depends on flag %q, which the environment lacks", flag.name)
			}
		}
	}
	return compiled
}

// bind connects a test with the slot of its property.
func (c *compiler) bind(t test, d *domain.Condition) condition {
	compiled := condition{path: -1, whenAbsent: t.whenAbsent, test: t.holds, values: t.values}
	if d.Operator == opPercentageSplit && d.Property == "" {
		compiled.slot = identityKeySlot
		return compiled
	}
	compiled.slot = c.slot(d.Property)
	if path, ok := c.pathOf[compiled.slot]; ok {
		compiled.path = path
	}
	return compiled
}

// slot returns the slot of a property and adds one for a new property. If the
// property is a JSONPath, slot binds the path to it.
func (c *compiler) slot(property string) int32 {
	if slot, known := c.program.slots[property]; known {
		return slot
	}
	slot := int32(c.program.nslots)
	c.program.nslots++
	c.program.slots[property] = slot
	if resolve, flag := c.path(property); resolve != nil || flag != nil {
		c.pathOf[slot] = int32(len(c.program.paths))
		c.program.paths = append(c.program.paths, pathSlot{slot, resolve, flag})
	}
	return slot
}

// identities compiles the identity overrides. Of several entries for one
// identifier the first wins per feature.
func (c *compiler) identities() {
	p := c.program
	list := c.document.IdentityOverrides
	p.identities = make(map[string]span, len(list))
	p.overrides = make([]identityOverride, 0, len(list))
	root := domain.Path{}
	path := root.Field("identity_overrides")
	for i := range list {
		earlier, again := p.identities[list[i].Identifier]
		start := len(p.overrides)
		if again {
			p.overrides = append(p.overrides, p.overrides[earlier.start:earlier.end]...)
		}
		for j := range list[i].Features {
			fs := &list[i].Features[j]
			feature, ok := p.byName[fs.Feature.Name]
			if !ok {
				c.problem(&path, "the override does nothing", "identity %q overrides feature %q, which the environment lacks", list[i].Identifier, fs.Feature.Name)
				continue
			}
			taken := slices.ContainsFunc(p.overrides[start:], func(o identityOverride) bool { return o.feature == int32(feature) })
			if !taken {
				p.overrides = append(p.overrides, identityOverride{int32(feature), c.personalOutcome(fs)})
			}
		}
		p.identities[list[i].Identifier] = span{uint32(start), uint32(len(p.overrides))}
	}
}

package engine

import "github.com/edge-proxy/edge-proxy/domain"

// flagPath is a JSONPath $.flags.NAME.… of a condition: the condition depends on that
// flag.
type flagPath struct {
	name    string
	feature int32 // index into Program.features, or missing
	member  flagMember
}

const missing = -1

// flagMember is the part of a flag that a path leads to.
type flagMember uint8

const (
	noMember flagMember = iota // the flag itself or nothing, which have no value
	enabledMember
	valueMember
	variantMember
	reasonMember
	nameMember
	idMember
)

// flagPathOf returns the flag that $.flags and further names lead to, nil if they do
// not name a flag.
func (c *compiler) flagPathOf(names []string) *flagPath {
	if len(names) == 0 {
		return nil
	}
	path := &flagPath{name: names[0], feature: missing}
	if feature, ok := c.program.byName[names[0]]; ok {
		path.feature = int32(feature)
	}
	switch rest := names[1:]; {
	case len(rest) == 2 && rest[0] == "metadata" && rest[1] == "id":
		path.member = idMember
	case len(rest) == 1:
		path.member = map[string]flagMember{
			"enabled": enabledMember, "value": valueMember, "variant": variantMember, "reason": reasonMember, "name": nameMember,
		}[rest[0]]
	}
	return path
}

// of returns the context value of a path into a flag with that outcome.
func (m flagMember) of(o *Outcome) value {
	switch m {
	case enabledMember:
		return value{kind: boolean, boolean: o.Enabled}
	case valueMember:
		return valueOf(o.Value)
	case variantMember:
		return valueOf(o.Variant())
	case reasonMember:
		return valueOf(domain.StringValue(string(o.AppendReason(nil))))
	case nameMember:
		return valueOf(domain.StringValue(o.Feature.Name))
	case idMember:
		return value{kind: integer, integer: o.Feature.ID}
	default:
		return value{}
	}
}

package config

import (
	"reflect"
	"slices"
)

// Effect says when a change of a setting takes effect. Each setting's definition
// has one, in the tag reload.
type Effect string

const (
	// Live: while the proxy runs.
	Live Effect = "live"
	// LiveValue: while the proxy runs, from one value to another. To set what was
	// unset, or the other way round, takes a restart.
	LiveValue Effect = "value"
	// Restart: at the next start.
	Restart Effect = "restart"
)

// Reloaded is what becomes of running settings when others are loaded.
type Reloaded struct {
	// Settings are to be in force now: what changes live as loaded, everything else
	// as it was, so that a later reload finds the same difference again, or none.
	Settings Settings
	// Live are the keys that changed and take effect; Restart those that
	// changed too, and take effect at the next start. In the order of the reference.
	Live, Restart []string
}

// Reload compares the settings in force with others that were loaded. It changes
// neither.
func Reload(inForce, loaded Settings) Reloaded {
	r := Reloaded{Settings: inForce}
	for _, d := range newSchema().settings {
		switch {
		case !d.differs(inForce, loaded):
		case d.reload == Live || d.reload == LiveValue && d.isSet(inForce) && d.isSet(loaded):
			r.Live = append(r.Live, d.key)
			d.copy(&r.Settings, loaded)
		default:
			r.Restart = append(r.Restart, d.key)
		}
	}
	if len(r.Settings.EnvironmentKeyPairs) == 0 && r.Settings.ProxyKey.IsZero() {
		// The keys were to give way to a proxy key, which takes a restart.
		const pairs = "environment_key_pairs"
		r.Settings.EnvironmentKeyPairs = inForce.EnvironmentKeyPairs
		r.Live = slices.DeleteFunc(r.Live, func(key string) bool { return key == pairs })
		r.Restart = append([]string{pairs}, r.Restart...) // it is the first of the reference
	}
	return r
}

func (d *definition) value(s Settings) reflect.Value { return reflect.ValueOf(s).FieldByIndex(d.index) }

func (d *definition) isSet(s Settings) bool { return !d.value(s).IsZero() }

func (d *definition) differs(a, b Settings) bool {
	return !reflect.DeepEqual(d.value(a).Interface(), d.value(b).Interface())
}

func (d *definition) copy(to *Settings, from Settings) {
	reflect.ValueOf(to).Elem().FieldByIndex(d.index).Set(d.value(from))
}

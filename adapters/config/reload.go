package config

import (
	"reflect"
	"slices"
)

// Effect is the time at which a change of a setting takes effect. The tag reload of
// each setting holds it.
type Effect string

const (
	// Live is while the proxy runs.
	Live Effect = "live"
	// LiveValue is while the proxy runs, from one value to another. Setting or
	// unsetting it takes a restart.
	LiveValue Effect = "value"
	// Restart is at the next start.
	Restart Effect = "restart"
)

// Reloaded is the outcome of loading other settings while the proxy runs.
type Reloaded struct {
	// Settings are the ones to apply now: live settings as loaded, all others as they
	// were. A later reload so finds the same difference again, or none.
	Settings Settings
	// Live are the keys of changed settings that take effect now, Restart those that
	// take effect at the next start, both in the order of Reference.
	Live, Restart []string
}

// Reload compares the settings in force with others that were loaded. It changes
// neither.
func Reload(inForce, loaded Settings) Reloaded {
	r := Reloaded{Settings: inForce}
	for _, d := range theSchema().settings {
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
		// A proxy key replaces the keys, which takes a restart.
		const pairs = "environment_key_pairs"
		r.Settings.EnvironmentKeyPairs = inForce.EnvironmentKeyPairs
		r.Live = slices.DeleteFunc(r.Live, func(key string) bool { return key == pairs })
		r.Restart = append([]string{pairs}, r.Restart...) // Reference begins with it
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

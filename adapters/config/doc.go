// Package config reads a JSON configuration file and environment variables into one
// validated Settings value (docs/spec/behaviour.md#configuration).
//
// A setting is defined in one place: a field of Settings. Its tags give the name,
// the default, the allowed values and the purpose. Parsing, messages, the rendered
// default configuration and docs/configuration.md all read these tags:
//
//	env         variable, without its sections' prefixes; in lower case it is the key in the file
//	envPrefix   of a section: what its variables begin with; in lower case the section's key
//	ours        "true" for a section that the Python proxy does not have
//	envDefault  default, as one would write it in the variable
//	unset       what it means when the setting is unset (empty, or null in the file)
//	alias       other names, separated by commas
//	min, max    least and greatest number (seconds for durations), both allowed
//	above       like min, but the number itself is not allowed
//	oneof       the allowed texts, whatever the case
//	schemes     the allowed URL schemes
//	check       a named check, see textChecks
//	source      "environment": not read from the file
//	reload      when a change takes effect, see Effect
//	help        one sentence for docs/configuration.md
//
// Loading works in layers: the file, then variables that hold a whole section as
// JSON, then variables that hold one setting each. Every layer is converted to the
// form of variables and replaces the one before setting by setting. The result is
// decoded into Settings by github.com/caarlos0/env.
package config

// Package config turns a JSON configuration file and environment variables into
// one validated Settings value (docs/spec/behaviour.md#configuration).
//
// A setting is defined in one place: a field of Settings. Its tags say how it is
// called, what it defaults to, what is allowed and what it is for; parsing,
// messages, the rendered default configuration and the reference all read them:
//
//	env         variable, without its sections' prefixes; in lower case it is the key in the file
//	envPrefix   of a section: what its variables begin with; in lower case the section's key
//	envDefault  default, as one would write it in the variable
//	unset       what being unset means, for settings that may stay unset (empty, or null in the file)
//	alias       other names, separated by commas
//	min, max    least and greatest number (seconds for durations), both allowed
//	above       bound below a number that is itself not allowed
//	oneof       the allowed texts, whatever the case
//	schemes     the allowed URL schemes
//	check       a named check, see checkText
//	source      "environment": not read from the file
//	reload      when a change takes effect, see Effect
//	help        one sentence for the reference
//
// Loading works in layers. The file, then variables that hold a whole section as
// JSON, then variables that hold one setting each are brought to the form of
// variables, the later layer replacing the earlier one setting by setting; what
// remains is decoded into Settings by github.com/caarlos0/env.
package config

package config

// Path returns the configuration file that CONFIG_PATH names in environ, or the
// default. Unlike Load it does not ask whether the configuration is right.
func Path(environ []string) string {
	// Of several spellings the one in upper case sorts first, and counts.
	if found := collectVariables(environ)["CONFIG_PATH"]; len(found) > 0 && found[0].value != "" {
		return found[0].value
	}
	return "config.json"
}

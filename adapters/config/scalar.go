package config

import (
	"fmt"
	"math"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// boolean reads a truth value as operators write them, in any case.
func boolean(text string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true", "t", "yes", "y", "on", "1":
		return true, nil
	case "false", "f", "no", "n", "off", "0":
		return false, nil
	}
	return false, errNotAllowed
}

// decimal is how numbers are written: no hexadecimal, no infinity, no NaN.
var decimal = regexp.MustCompile(`^[+-]?([0-9]+(_[0-9]+)*(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

// realNumber reads a finite decimal number.
func realNumber(text string) (float64, error) {
	text = strings.TrimSpace(text)
	if !decimal.MatchString(text) {
		return 0, errNotAllowed
	}
	n, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errNotAllowed, err)
	}
	return n, nil
}

// wholeNumber reads an integer, also one written as 5.0 or 1e3.
func wholeNumber(text string) (int64, error) {
	if n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil {
		return n, nil
	}
	const exact = 1 << 53 // beyond it a float64 may be another integer
	n, err := realNumber(text)
	if err != nil || n != math.Trunc(n) || math.Abs(n) > exact {
		return 0, errNotAllowed
	}
	return int64(n), nil
}

// seconds reads a duration in seconds. The bounds of d keep it from overflowing.
func seconds(d *definition, text string) (time.Duration, error) {
	n, err := realNumber(text)
	if err != nil || !d.within(n) {
		return 0, errNotAllowed
	}
	duration := time.Duration(math.Round(n * float64(time.Second)))
	if duration == 0 && d.leastExcluded { // less than a nanosecond
		return 0, errNotAllowed
	}
	return duration, nil
}

func gracePeriod(d *definition, text string) (GracePeriod, error) {
	if strings.EqualFold(strings.TrimSpace(text), "null") {
		return GracePeriod{Never: true}, nil
	}
	period, err := seconds(d, text)
	return GracePeriod{Period: period}, err
}

// plainText reads a text, spelled as in oneof where d has that.
func plainText(d *definition, text string) (string, error) {
	text = strings.TrimSpace(text)
	if len(d.oneOf) > 0 {
		i := slices.IndexFunc(d.oneOf, func(known string) bool { return strings.EqualFold(known, text) })
		if i < 0 {
			return "", errNotAllowed
		}
		return d.oneOf[i], nil
	}
	if d.check == "host" {
		bare := strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
		if _, err := netip.ParseAddr(bare); err == nil {
			return bare, nil
		}
	}
	if !textChecks[d.check].passes(text) {
		return "", errNotAllowed
	}
	return text, nil
}

var (
	hostName    = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?$`)
	storePrefix = regexp.MustCompile(`^[A-Za-z0-9._:/-]+$`)
)

// textChecks are the named checks of texts.
var textChecks = map[string]struct {
	allowed string
	passes  func(text string) bool
}{
	"":       {"a text that is not empty", hasNoZero},
	"host":   {"an IP address or a host name, without a port", hostName.MatchString}, // also an address in brackets
	"prefix": {"a text of letters, digits and . _ : / -", storePrefix.MatchString},   // a store may give others a meaning
	"header": {"a text without blanks and control characters", visible},              // can stand in an HTTP header
	"path":   {"the path of a file", hasNoZero},                                      // a relative path begins at the working directory
	"socket": {
		fmt.Sprintf("an absolute path of at most %d bytes, such as /run/edge-proxy/proxy.sock", maxSocketPath),
		func(text string) bool { return filepath.IsAbs(text) && len(text) <= maxSocketPath && hasNoZero(text) },
	},
}

func hasNoZero(text string) bool { return !strings.ContainsRune(text, 0) }

// maxSocketPath is the length in bytes of the longest path of a Unix socket on all systems.
const maxSocketPath = 103

// visible reports whether text is one or more visible ASCII characters.
func visible(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

func allowedText(d *definition) string {
	if len(d.oneOf) > 0 {
		return choice(d.oneOf)
	}
	return textChecks[d.check].allowed
}

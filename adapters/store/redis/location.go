package redis

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// topology is how the servers behind a store URL belong together.
type topology int

const (
	single topology = iota
	cluster
	sentinel
)

// location is a store URL taken apart and checked. It holds a password: it is
// never formatted.
type location struct {
	topology topology
	secure   bool     // TLS, to all servers and sentinels
	addrs    []string // host:port; of the sentinels where there are any
	database int

	username     string
	password     string
	passwordFile string

	master               string // the name the sentinels know the master by
	sentinelUsername     string
	sentinelPasswordFile string

	caFile     string
	certFile   string
	keyFile    string
	serverName string

	timeout        time.Duration
	connectTimeout time.Duration
	// connectionLifetime is after how long a connection is replaced by a new one,
	// for which the host name is resolved again.
	connectionLifetime time.Duration
	poolSize           int
}

const (
	defaultTimeout        = 2 * time.Second
	defaultConnectTimeout = time.Second
	defaultPoolSize       = 16

	defaultConnectionLifetime = 30 * time.Second
)

// parameter is one query parameter a store URL may carry.
type parameter struct {
	name string
	// of tells whether URLs like l know the parameter.
	of  func(l *location) bool
	set func(l *location, value string) error
}

func parameters() []parameter {
	always := func(*location) bool { return true }
	secure := func(l *location) bool { return l.secure }
	sentinels := func(l *location) bool { return l.topology == sentinel }
	text := func(field func(*location) *string) func(*location, string) error {
		return func(l *location, value string) error {
			if value == "" {
				return errors.New("must not be empty")
			}
			*field(l) = value
			return nil
		}
	}
	duration := func(field func(*location) *time.Duration) func(*location, string) error {
		return func(l *location, value string) error {
			d, err := time.ParseDuration(value)
			if err != nil || d < 10*time.Millisecond || d > time.Minute {
				return errors.New(`must be a time such as "1.5s", from 10ms to 1m`)
			}
			*field(l) = d
			return nil
		}
	}
	return []parameter{
		{"ca_file", secure, text(func(l *location) *string { return &l.caFile })},
		{"cert_file", secure, text(func(l *location) *string { return &l.certFile })},
		{"connect_timeout", always, duration(func(l *location) *time.Duration { return &l.connectTimeout })},
		{"connection_lifetime", always, duration(func(l *location) *time.Duration { return &l.connectionLifetime })},
		{"key_file", secure, text(func(l *location) *string { return &l.keyFile })},
		{"master", sentinels, text(func(l *location) *string { return &l.master })},
		{"password_file", always, text(func(l *location) *string { return &l.passwordFile })},
		{"pool_size", always, func(l *location, value string) error {
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 || n > 1000 {
				return errors.New("must be a number from 1 to 1000")
			}
			l.poolSize = n
			return nil
		}},
		{"sentinel_password_file", sentinels, text(func(l *location) *string { return &l.sentinelPasswordFile })},
		{"sentinel_username", sentinels, text(func(l *location) *string { return &l.sentinelUsername })},
		{"server_name", secure, text(func(l *location) *string { return &l.serverName })},
		{"timeout", always, duration(func(l *location) *time.Duration { return &l.timeout })},
	}
}

// CheckURL returns what is wrong with a store URL. It neither connects nor reads the
// files that u names.
func CheckURL(u *url.URL) error {
	if _, err := parseLocation(u); err != nil {
		return fmt.Errorf("redis: store.url: %w", err)
	}
	return nil
}

// parseLocation checks u. Its errors repeat no part of u but the scheme and
// names of parameters: with a character of the password left unescaped, any other
// part may be the rest of it.
func parseLocation(u *url.URL) (location, error) {
	l := location{timeout: defaultTimeout, connectTimeout: defaultConnectTimeout,
		connectionLifetime: defaultConnectionLifetime, poolSize: defaultPoolSize}
	port := "6379"
	switch u.Scheme {
	case "redis", "rediss":
	case "redis+cluster", "rediss+cluster":
		l.topology = cluster
	case "redis+sentinel", "rediss+sentinel":
		l.topology, port = sentinel, "26379"
	default:
		return location{}, fmt.Errorf("unknown scheme; known are %s", strings.Join(Schemes(), ", "))
	}
	l.secure = strings.HasPrefix(u.Scheme, "rediss")

	if u.Fragment != "" || u.RawFragment != "" {
		return location{}, errors.New(`a "#" must be written as %23`)
	}
	if u.Opaque != "" {
		return location{}, fmt.Errorf("must begin with %s://", u.Scheme)
	}
	var err error
	if l.addrs, err = addresses(u.Host, port); err != nil {
		return location{}, err
	}
	if l.topology == single && len(l.addrs) > 1 {
		return location{}, errors.New("several hosts need a scheme that says how they belong together: redis+cluster or redis+sentinel")
	}
	if path := strings.TrimPrefix(u.Path, "/"); path != "" {
		l.database, err = strconv.Atoi(path)
		if err != nil || l.database < 0 || path != strconv.Itoa(l.database) {
			return location{}, errors.New(`the path must be the number of a database, such as "/0"`)
		}
		if l.database != 0 && l.topology == cluster {
			return location{}, errors.New("a cluster has one database, 0")
		}
	}
	if err := l.setParameters(u.RawQuery); err != nil {
		return location{}, err
	}
	if err := l.setCredentials(u.User); err != nil {
		return location{}, err
	}
	return l, l.checkCombinations()
}

func addresses(hosts, defaultPort string) ([]string, error) {
	var addrs []string
	for host := range strings.SplitSeq(hosts, ",") {
		// url.Parse has seen to it that brackets, where there are any, match.
		name, port, err := net.SplitHostPort(host)
		if err != nil {
			name, port = strings.Trim(host, "[]"), defaultPort
		}
		if name == "" {
			return nil, errors.New("a host is missing")
		}
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return nil, errors.New("a port must be a number from 1 to 65535")
		}
		addrs = append(addrs, net.JoinHostPort(name, port))
	}
	return addrs, nil
}

// presentable is what a parameter's name looks like; anything else is a URL whose
// password ended too early, and is not shown.
var presentable = regexp.MustCompile(`^[A-Za-z_]{1,40}$`)

func (l *location) setParameters(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("the parameters are not properly escaped")
	}
	known := slices.DeleteFunc(parameters(), func(p parameter) bool { return !p.of(l) })
	for name := range values {
		if slices.ContainsFunc(known, func(p parameter) bool { return p.name == name }) {
			continue
		}
		shown := "unknown parameter"
		if presentable.MatchString(name) {
			shown += fmt.Sprintf(" %q", name)
		}
		var list []string
		for _, p := range known {
			list = append(list, p.name)
		}
		return fmt.Errorf("%s; known are %s", shown, strings.Join(list, ", "))
	}
	for _, p := range known {
		switch given := values[p.name]; len(given) {
		case 0:
		case 1:
			if err := p.set(l, given[0]); err != nil {
				return fmt.Errorf("parameter %s %w", p.name, err)
			}
		default:
			return fmt.Errorf("parameter %s is given twice", p.name)
		}
	}
	return nil
}

func (l *location) setCredentials(user *url.Userinfo) error {
	l.username = user.Username()
	password, inURL := user.Password()
	switch {
	case inURL && l.passwordFile != "":
		return errors.New("the password is given twice, in the URL and by password_file")
	case inURL && password == "", l.username != "" && !inURL && l.passwordFile == "":
		return errors.New("a user needs a password: user:password@ or the parameter password_file")
	}
	l.password = password
	return nil
}

func (l *location) checkCombinations() error {
	switch {
	case l.topology == sentinel && l.master == "":
		return errors.New("the parameter master is missing: the name the sentinels know the master by")
	case (l.certFile == "") != (l.keyFile == ""):
		return errors.New("cert_file and key_file belong together")
	case l.sentinelUsername != "" && l.sentinelPasswordFile == "":
		return errors.New("sentinel_username needs sentinel_password_file")
	}
	return nil
}

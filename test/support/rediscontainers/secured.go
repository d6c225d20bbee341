//go:build integration

package rediscontainers

import (
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/testcontainers/testcontainers-go"
)

// The user of a Secured deployment.
const (
	user          = "edge"
	adminPassword = "administrator"
)

// SecuredDeployment is a server behind TLS that wants a client certificate, a user
// and a password.
type SecuredDeployment struct {
	*Deployment
	passwordFile string
}

// Secured starts a server that listens with TLS only, wants client certificates,
// and has one user beside the administrator: permissions are the rules of its
// ACL, such as "~edge-proxy:*" and "+get". The URL names the files of the
// certificates and of the password.
func Secured(tb testing.TB, permissions ...string) *SecuredDeployment {
	tb.Helper()
	dir := tb.TempDir()
	made := makeCertificates(tb)
	write := func(name string, content []byte) string {
		tb.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, content, 0o600); err != nil {
			tb.Fatal(err)
		}
		return file
	}
	const password = "first-password"
	query := url.Values{
		"ca_file":       {write("ca.pem", made.ca)},
		"cert_file":     {write("client.pem", made.clientCert)},
		"key_file":      {write("client.key", made.clientKey)},
		"password_file": {write("password", []byte(password+"\n"))},
	}

	inside := func(name string, content []byte) testcontainers.ContainerFile {
		return testcontainers.ContainerFile{
			Reader:            strings.NewReader(string(content)),
			ContainerFilePath: "/tls/" + name,
			FileMode:          0o644, // the server may not run as root
		}
	}
	port := freePorts(tb, 1)[0]
	arguments := []string{
		"redis-server", "--port", "0", "--bind", "127.0.0.1",
		"--tls-port", strconv.Itoa(port),
		"--tls-ca-cert-file", "/tls/ca.pem",
		"--tls-cert-file", "/tls/server.pem",
		"--tls-key-file", "/tls/server.key",
		"--requirepass", adminPassword,
		"--user", user, "on", ">" + password,
	}
	arguments = append(arguments, permissions...)
	server := start(tb, port, spec{
		arguments: arguments,
		files: []testcontainers.ContainerFile{
			inside("ca.pem", made.ca),
			inside("server.pem", made.serverCert), inside("server.key", made.serverKey),
		},
		cli: []string{
			"--no-auth-warning", "-a", adminPassword,
			"--tls", "--cacert", "/tls/ca.pem", "--cert", "/tls/server.pem", "--key", "/tls/server.key",
		},
	})
	return &SecuredDeployment{
		Deployment: &Deployment{
			URL: &url.URL{
				Scheme:   "rediss",
				User:     url.User(user),
				Host:     server.Addr(),
				Path:     "/0",
				RawQuery: query.Encode(),
			},
			Servers: []*Server{server},
		},
		passwordFile: query.Get("password_file"),
	}
}

// ChangePassword gives the user another password, in the server, and ends the
// user's connections; the file has the old one until WritePassword.
func (d *SecuredDeployment) ChangePassword(tb testing.TB, password string) {
	tb.Helper()
	server := d.Servers[0]
	server.Command(tb, "ACL", "SETUSER", user, "resetpass", ">"+password)
	server.Command(tb, "CLIENT", "KILL", "USER", user)
}

// WritePassword writes the file that the URL names for the password.
func (d *SecuredDeployment) WritePassword(tb testing.TB, password string) {
	tb.Helper()
	if err := os.WriteFile(d.passwordFile, []byte(password+"\n"), 0o600); err != nil {
		tb.Fatal(err)
	}
}

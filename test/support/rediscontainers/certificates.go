//go:build integration

package rediscontainers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"
)

// certificates are a certificate authority and what it signed, in PEM form.
type certificates struct {
	ca                    []byte
	serverCert, serverKey []byte
	clientCert, clientKey []byte
}

func makeCertificates(tb testing.TB) certificates {
	tb.Helper()
	now := time.Now()
	template := func(serial int64, name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(serial),
			Subject:      pkix.Name{CommonName: name},
			NotBefore:    now.Add(-time.Hour),
			NotAfter:     now.Add(24 * time.Hour),
		}
	}
	key := func() *ecdsa.PrivateKey {
		made, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			tb.Fatal(err)
		}
		return made
	}
	sign := func(certificate, parent *x509.Certificate, public *ecdsa.PublicKey, signer *ecdsa.PrivateKey) []byte {
		der, err := x509.CreateCertificate(rand.Reader, certificate, parent, public, signer)
		if err != nil {
			tb.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	}

	ca, caKey := template(1, "test authority"), key()
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	made := certificates{ca: sign(ca, ca, &caKey.PublicKey, caKey)}

	leaf := func(serial int64, name string) (cert, keyPEM []byte) {
		leafKey := key()
		certificate := template(serial, name)
		certificate.KeyUsage = x509.KeyUsageDigitalSignature
		// redis-cli inside the container shows the server's certificate as its own.
		certificate.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
		certificate.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
		der, err := x509.MarshalPKCS8PrivateKey(leafKey)
		if err != nil {
			tb.Fatal(err)
		}
		return sign(certificate, ca, &leafKey.PublicKey, caKey),
			pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	}
	made.serverCert, made.serverKey = leaf(2, "test server")
	made.clientCert, made.clientKey = leaf(3, "test client")
	return made
}

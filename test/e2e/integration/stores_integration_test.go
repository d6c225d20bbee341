//go:build integration

package integration_test

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"github.com/edge-proxy/edge-proxy/test/support/rediscontainers"
)

// store is a kind of store.
type store struct {
	name string
	// alone: combinations with it run one after the other.
	alone bool
	// prepare starts the servers that the combinations share. What it returns
	// gives one of them its part of the store.
	prepare func(t *testing.T) func(t *testing.T, prefix string) storage
}

// storage is what a proxy needs for its store.
type storage struct {
	env    map[string]string
	files  map[string]string // content, by path in the container
	mounts []testcontainers.ContainerMount
	// durable: what was stored is there after a restart.
	durable bool
	// shared: it can be looked into while a proxy runs.
	shared bool
	// secret is what must not be printed, "" for nothing.
	secret string
	// sentinels are the servers behind Sentinels; nil of other forms.
	sentinels *rediscontainers.Deployment
}

func stores() []store {
	return []store{
		{name: "memory", prepare: func(*testing.T) func(*testing.T, string) storage {
			return func(*testing.T, string) storage { return storage{env: map[string]string{"STORE_URL": "memory:"}} }
		}},
		{name: "bolt", prepare: func(*testing.T) func(*testing.T, string) storage { return onVolume }},
		{name: "redis", prepare: func(t *testing.T) func(*testing.T, string) storage {
			return inRedis(rediscontainers.Single(t))
		}},
		{name: "secured", prepare: func(t *testing.T) func(*testing.T, string) storage {
			return inRedis(rediscontainers.Secured(t, permissions()...).Deployment)
		}},
		{name: "cluster", prepare: func(t *testing.T) func(*testing.T, string) storage {
			return inRedis(rediscontainers.Cluster(t))
		}},
		{name: "sentinel", alone: true, prepare: func(t *testing.T) func(*testing.T, string) storage {
			return inRedis(rediscontainers.Sentinel(t))
		}},
	}
}

// permissions are all that package redis asks for its user.
func permissions() []string {
	return strings.Fields("~matrix-* &matrix-* +hello +auth +ping +select +eval +evalsha +type +exists +unlink +pexpire +pttl +scan " +
		"+hget +hmget +hset +get +set +publish +subscribe")
}

// onVolume is a file on a volume of its own. A volume that is mounted where the
// image has a folder of the proxy's user becomes that user's.
func onVolume(t *testing.T, prefix string) storage {
	t.Helper()
	volume := fmt.Sprintf("edge-proxy-%s-%d", prefix, os.Getpid())
	t.Cleanup(func() { // after those of the containers that use it
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		docker, err := testcontainers.NewDockerClientWithOpts(ctx)
		if err != nil {
			t.Error(err)
			return
		}
		defer docker.Close()
		if _, err := docker.VolumeRemove(ctx, volume, client.VolumeRemoveOptions{Force: true}); err != nil {
			t.Error(err)
		}
	})
	return storage{
		env:     map[string]string{"STORE_URL": "bolt:///app/documents.db"},
		mounts:  []testcontainers.ContainerMount{testcontainers.VolumeMount(volume, "/app")},
		durable: true,
	}
}

// inRedis is a prefix of its own in servers that others use too. Files that the
// URL names are put into the container.
func inRedis(d *rediscontainers.Deployment) func(t *testing.T, prefix string) storage {
	return func(t *testing.T, prefix string) storage {
		t.Helper()
		s := storage{durable: true, shared: true, files: map[string]string{}}
		if d.Sentinels != nil {
			s.sentinels = d
		}
		with, query := *d.URL, d.URL.Query()
		for name, values := range query {
			if !strings.HasSuffix(name, "_file") {
				continue
			}
			content, err := os.ReadFile(values[0])
			if err != nil {
				t.Fatal(err)
			}
			if name == "password_file" {
				s.secret = strings.TrimSpace(string(content))
			}
			inside := path.Join("/redis", filepath.Base(values[0]))
			query.Set(name, inside)
			s.files[inside] = string(content)
		}
		with.RawQuery = query.Encode()
		s.env = map[string]string{"STORE_URL": with.String(), "STORE_PREFIX": prefix}
		return s
	}
}

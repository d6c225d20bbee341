// Command edge-proxy is the Flagsmith Edge Proxy with one store more: plain files in
// a directory, store.url dir:///path.
package main

import (
	"os"

	"github.com/edge-proxy/edge-proxy/adapters/standard"

	"example.com/filestore"
)

func main() { os.Exit(standard.Main(standard.WithStore(filestore.Scheme, filestore.Open))) }

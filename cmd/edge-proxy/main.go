// Command edge-proxy is the Flagsmith Edge Proxy with the built-in adapters. To
// add a store of your own, copy this file and pass it to Main:
//
//	standard.Main(standard.WithStore("s3", s3store.Open))
package main

import (
	"os"

	"github.com/edge-proxy/edge-proxy/adapters/standard"
)

func main() { os.Exit(standard.Main()) }

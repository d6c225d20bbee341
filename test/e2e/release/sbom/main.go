// Command sbom writes the bill of materials of a Go binary, from what the linker
// noted in it, as CycloneDX 1.6 in JSON:
//
//	sbom [-o FILE] BINARY
//
// The same binary gives the same bytes, on any machine. That is why this is not
// cyclonedx-gomod: its bills (v1.10.0) have the checksums of its own executable in
// them, which depend on the system, the processor and, without -trimpath, the module
// cache of the machine that builds it.
package main

import (
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func run() error {
	output := flag.String("o", "", "`file` to write to, instead of standard output")
	flag.Parse()
	if flag.NArg() != 1 {
		return errors.New("one binary has to be named")
	}
	info, err := buildinfo.ReadFile(flag.Arg(0))
	if err != nil {
		return err
	}
	bill, err := billOf(info)
	if err != nil {
		return fmt.Errorf("%s: %w", flag.Arg(0), err)
	}
	text, err := json.MarshalIndent(bill, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if *output == "" {
		_, err = os.Stdout.Write(text)
		return err
	}
	return os.WriteFile(*output, text, 0o644)
}

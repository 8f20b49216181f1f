// sbom-scanner puts syft behind BuildKit's protocol for generators of bills of materials: it writes one in-toto
// statement about each file system that BuildKit has mounted.
//
// https://github.com/moby/buildkit/blob/v0.34.2/docs/attestations/sbom-protocol.md
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

type statement struct {
	Type          string          `json:"_type"`
	PredicateType string          `json:"predicateType"`
	Subject       []struct{}      `json:"subject"`
	Predicate     json.RawMessage `json:"predicate"`
}

func main() {
	if err := scanAll(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func scanAll() error {
	sources := []string{os.Getenv("BUILDKIT_SCAN_SOURCE")}
	if extras := os.Getenv("BUILDKIT_SCAN_SOURCE_EXTRAS"); extras != "" {
		// Of stages that were not asked for there is no folder.
		found, err := filepath.Glob(filepath.Join(extras, "*"))
		if err != nil {
			return err
		}
		sources = append(sources, found...)
	}
	for _, source := range sources {
		if err := scan(source, os.Getenv("BUILDKIT_SCAN_DESTINATION")); err != nil {
			return fmt.Errorf("%s: %w", source, err)
		}
	}
	return nil
}

func scan(source, destination string) error {
	name := filepath.Base(source)
	syft := exec.Command("/bin/syft", "scan", "dir:"+source, "--quiet", "--output", "spdx-json", "--source-name", name)
	syft.Stderr = os.Stderr
	document, err := syft.Output()
	if err != nil {
		return err
	}
	bytes, err := json.Marshal(statement{
		Type:          "https://in-toto.io/Statement/v0.1",
		PredicateType: "https://spdx.dev/Document",
		Subject:       []struct{}{},
		Predicate:     document,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(destination, name+".spdx.json"), bytes, 0o644)
}

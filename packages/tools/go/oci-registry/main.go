// Oci-registry serves a container registry on a free port of the loopback interface, and prints its address.
//
// -kind distribution: CNCF Distribution 2.8, which many servers run; it lacks the referrers API of OCI 1.1.
// -kind memory: CUE's, which keeps everything in memory, and has that API and pages of tags.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime/debug"

	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelabs.dev/go/oci/ociregistry/ociserver"
	"github.com/docker/distribution/configuration"
	_ "github.com/docker/distribution/registry/auth/htpasswd"
	"github.com/docker/distribution/registry/handlers"
	_ "github.com/docker/distribution/registry/storage/driver/filesystem"
	"github.com/sirupsen/logrus"
)

func main() {
	kind := flag.String("kind", "distribution", "distribution or memory")
	folder := flag.String("folder", "", "where blobs are kept (distribution only)")
	htpasswd := flag.String("htpasswd", "", "file of users and their bcrypt hashes (distribution only)")
	memory := flag.Int64("memory", 512<<20, "soft limit of memory in bytes")
	flag.Parse()
	debug.SetMemoryLimit(*memory)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	var handler http.Handler
	if *kind == "memory" {
		handler = ociserver.New(ocimem.New(), nil)
	} else {
		handler = distribution(*folder, *htpasswd)
	}
	fmt.Println(listener.Addr())
	log.SetOutput(io.Discard) // Of broken connections, which tests break.
	if err := http.Serve(listener, handler); err != nil {
		os.Exit(1)
	}
}

func distribution(folder, htpasswd string) http.Handler {
	logrus.SetOutput(io.Discard)
	config := &configuration.Configuration{
		Storage: configuration.Storage{
			"filesystem": {"rootdirectory": folder},
			"delete":     {"enabled": true},
		},
	}
	config.HTTP.Secret = "of a registry that lives as long as a test"
	if htpasswd != "" {
		config.Auth = configuration.Auth{"htpasswd": {"realm": "oci-registry", "path": htpasswd}}
	}
	return handlers.NewApp(context.Background(), config)
}

// A TLS peer of Go's standard library.
//
//	gopeer get  [flags] URL          fetches it, and says what came or the error
//	gopeer serve [flags] ADDRESS     answers every request with "hello"
package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	flags := flag.NewFlagSet("gopeer", flag.ExitOnError)
	authority := flags.String("ca", "", "file of the authority that is trusted")
	certificate := flags.String("cert", "", "file of the own certificate; its key beside it as .key")
	name := flags.String("name", "", "the server's name")
	most := flags.String("max", "1.3", "highest version")
	protocols := flags.String("alpn", "", "protocols, separated by commas")
	if err := flags.Parse(os.Args[2:]); err != nil {
		log.Fatal(err)
	}
	config := &tls.Config{ServerName: *name, MaxVersion: version(*most)}
	if *authority != "" {
		config.RootCAs = pool(*authority)
	}
	if *certificate != "" {
		pair, err := tls.LoadX509KeyPair(*certificate, strings.TrimSuffix(*certificate, ".pem")+".key")
		if err != nil {
			log.Fatal(err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	if *protocols != "" {
		config.NextProtos = strings.Split(*protocols, ",")
	}
	switch os.Args[1] {
	case "get":
		get(config, flags.Arg(0))
	case "serve":
		serve(config, flags.Arg(0))
	}
}

func version(name string) uint16 {
	if name == "1.2" {
		return tls.VersionTLS12
	}
	return tls.VersionTLS13
}

func pool(file string) *x509.CertPool {
	pem, err := os.ReadFile(file)
	if err != nil {
		log.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return pool
}

func get(config *tls.Config, url string) {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}, Timeout: 5 * time.Second}
	response, err := client.Post(url, "application/json", strings.NewReader("{}"))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	body, err := io.ReadAll(response.Body)
	fmt.Println(response.Status, string(body), err)
}

func serve(config *tls.Config, address string) {
	listener, err := tls.Listen("tcp", address, config)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener, http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(answer, "hello")
	})))
}

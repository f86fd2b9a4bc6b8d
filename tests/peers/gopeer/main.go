// Go as client and server: net/http with TLS, and HTTP/2 without it; gRPC.
//
//	gopeer get   [flags] URL         fetches it, and says what came or the error
//	gopeer serve [flags] ADDRESS     /hello, /slow (1.5 s), /abort, /upload, /shutdown (of the server); every other path as /hello
//	gopeer call  [flags] ADDRESS METHOD REQUEST    calls by gRPC, and says code, messages and message
//	gopeer offer [flags] ADDRESS     serves gRPC
package main

import (
	"context"
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
	highest := flags.String("max", "1.3", "highest version")
	protocols := flags.String("alpn", "", "protocols, separated by commas")
	timeout := flags.Duration("timeout", 5*time.Second, "of the client")
	most := flags.Int("most", -1, "messages that the client reads")
	age := flags.Duration("age", time.Hour, "of a server's connection")
	grace := flags.Duration("grace", time.Hour, "for what is open at that age")
	if err := flags.Parse(os.Args[2:]); err != nil {
		log.Fatal(err)
	}
	config := &tls.Config{ServerName: *name, MaxVersion: version(*highest)}
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
		get(config, *timeout, flags.Arg(0))
	case "serve":
		serve(config, flags.Arg(0))
	case "call":
		callGRPC(flags.Arg(0), flags.Arg(1), flags.Arg(2), *timeout, *most)
	case "offer":
		serveGRPC(flags.Arg(0), *age, *grace)
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

func get(config *tls.Config, timeout time.Duration, url string) {
	transport := &http.Transport{TLSClientConfig: config}
	if strings.HasPrefix(url, "http:") {
		transport.Protocols = new(http.Protocols)
		transport.Protocols.SetUnencryptedHTTP2(true)
	}
	client := &http.Client{Transport: transport, Timeout: timeout}
	response, err := client.Post(url, "application/json", strings.NewReader("{}"))
	if err != nil {
		fmt.Println(err)
		// Its RST_STREAM is on its way.
		time.Sleep(100 * time.Millisecond)
		os.Exit(1)
	}
	body, err := io.ReadAll(response.Body)
	fmt.Println(response.Status, string(body), err)
}

func serve(config *tls.Config, address string) {
	server := &http.Server{Addr: address, TLSConfig: config, Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	server.Handler = http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		switch request.URL.Path {
		case "/slow":
			time.Sleep(1500 * time.Millisecond)
		case "/abort":
			panic(http.ErrAbortHandler)
		case "/upload":
			length, err := io.Copy(io.Discard, request.Body)
			fmt.Fprintln(answer, length, err)
			return
		case "/shutdown":
			go server.Shutdown(context.Background())
			time.Sleep(200 * time.Millisecond)
		}
		fmt.Fprint(answer, "hello")
	})
	var err error
	if len(config.Certificates) > 0 {
		err = server.ListenAndServeTLS("", "")
	} else {
		err = server.ListenAndServe()
	}
	if err != http.ErrServerClosed {
		log.Fatal(err)
	}
	time.Sleep(time.Second)
}

// shop is both ends of the mesh's traffic.
//
//	shop catalog -delay 0-3000ms   an HTTP server that answers GET /items after a time drawn from the range,
//	                               and keeps working on an answer whose client has left (as most servers do)
//	shop load -url URL -rate 10    a client that asks for it, so many times a second, and gives up after -timeout
//
// Each prints one JSON line an exchange: what really happened at its end, to compare a tool's verdicts with.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

var (
	output sync.Mutex
	lines  = json.NewEncoder(os.Stdout)
)

func record(fields map[string]any) {
	output.Lock()
	defer output.Unlock()
	lines.Encode(fields)
}

func milliseconds(since time.Time) float64 { return float64(time.Since(since).Microseconds()) / 1000 }

func catalog(arguments []string) error {
	flags := flag.NewFlagSet("catalog", flag.ExitOnError)
	listen := flags.String("listen", ":9080", "address to serve on")
	delay := flags.String("delay", "0-20ms", "time before an answer: LOW-HIGHms, drawn evenly")
	version := flags.String("version", "v1", "version told in the answer")
	flags.Parse(arguments)
	var low, high int
	if _, err := fmt.Sscanf(strings.TrimSuffix(*delay, "ms"), "%d-%d", &low, &high); err != nil || high < low {
		return fmt.Errorf("-delay %q: want LOW-HIGHms", *delay)
	}
	pod, _ := os.Hostname()
	http.HandleFunc("/items", func(answer http.ResponseWriter, request *http.Request) {
		start := time.Now()
		work := time.Duration(low+rand.Intn(high-low+1)) * time.Millisecond
		time.Sleep(work)
		left := request.Context().Err() != nil // the client closed while we worked
		answer.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(answer, `{"version":%q,"pod":%q,"items":[1,2,3]}`, *version, pod)
		record(map[string]any{"request_id": request.Header.Get("X-Request-Id"), "path": request.URL.Path, "peer": request.RemoteAddr,
			"t": float64(start.UnixMicro()) / 1e6, "work_ms": work.Milliseconds(), "total_ms": milliseconds(start), "client_left": left})
	})
	http.HandleFunc("/health", func(answer http.ResponseWriter, _ *http.Request) { io.WriteString(answer, "ok") })
	return http.ListenAndServe(*listen, nil)
}

func load(arguments []string) error {
	flags := flag.NewFlagSet("load", flag.ExitOnError)
	url := flags.String("url", "", "what to ask for")
	rate := flags.Float64("rate", 10, "requests a second")
	timeout := flags.Duration("timeout", 0, "how long to wait for an answer; 0: for ever")
	flags.Parse(arguments)
	client := &http.Client{Timeout: *timeout}
	for range time.Tick(time.Duration(float64(time.Second) / *rate)) {
		go func() {
			start := time.Now()
			id := fmt.Sprintf("%08x-%04x-4000-8000-%012x", rand.Uint32(), rand.Intn(1<<16), rand.Int63n(1<<48))
			request, err := http.NewRequest("GET", *url, nil)
			if err != nil {
				record(map[string]any{"error": err.Error()})
				return
			}
			request.Header.Set("X-Request-Id", id)
			response, err := client.Do(request)
			fields := map[string]any{"request_id": id, "t": float64(start.UnixMicro()) / 1e6}
			if err != nil {
				fields["error"] = err.Error()
			} else {
				body, _ := io.ReadAll(response.Body)
				response.Body.Close()
				fields["status"], fields["body"] = response.StatusCode, string(body)
			}
			fields["total_ms"] = milliseconds(start)
			record(fields)
		}()
	}
	return nil
}

func main() {
	commands := map[string]func([]string) error{"catalog": catalog, "load": load}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: shop catalog|load [flags]")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(1)
	}
}

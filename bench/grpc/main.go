// A gRPC server and the load on it, for the capture that speed is measured on: unary calls as
// fast as they go, each with a deadline, an identifier and a trace of its own, as in a mesh.
//
//	grpc serve ADDRESS
//	grpc load ADDRESS CONNECTIONS STREAMS CALLS      so many calls at once on each connection
package main

import (
	"context"
	"fmt"
	"log"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const service = "hipstershop.ProductCatalogService"

// methods of the service; each is a path.
var methods = []string{"GetProduct", "ListProducts", "SearchProducts"}

// One call in so many finds nothing.
const missing = 100

func main() {
	if len(os.Args) == 3 && os.Args[1] == "serve" {
		serve(os.Args[2])
	} else if len(os.Args) == 6 && os.Args[1] == "load" {
		connections, err := strconv.Atoi(os.Args[3])
		check(err)
		streams, err := strconv.Atoi(os.Args[4])
		check(err)
		calls, err := strconv.ParseInt(os.Args[5], 10, 64)
		check(err)
		load(os.Args[2], connections, streams, calls)
	} else {
		log.Fatal("usage: grpc serve ADDRESS | grpc load ADDRESS CONNECTIONS STREAMS CALLS")
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// bytes is a codec that leaves a message as it is.
type bytes struct{}

func (bytes) Marshal(message any) ([]byte, error) { return *message.(*[]byte), nil }
func (bytes) Unmarshal(data []byte, message any) error {
	*message.(*[]byte) = append([]byte(nil), data...)
	return nil
}
func (bytes) Name() string { return "proto" }

func serve(address string) {
	answer := make([]byte, 256)
	handler := func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		var question []byte
		if err := decode(&question); err != nil {
			return nil, err
		}
		if rand.IntN(missing) == 0 {
			return nil, status.Error(codes.NotFound, "no product with ID 7")
		}
		return &answer, nil
	}
	description := grpc.ServiceDesc{ServiceName: service, HandlerType: (*any)(nil)}
	for _, method := range methods {
		description.Methods = append(description.Methods, grpc.MethodDesc{MethodName: method, Handler: handler})
	}
	server := grpc.NewServer(grpc.ForceServerCodec(bytes{}))
	server.RegisterService(&description, nil)
	listener, err := net.Listen("tcp", address)
	check(err)
	check(server.Serve(listener))
}

func load(address string, connections, streams int, calls int64) {
	var begun atomic.Int64
	var workers sync.WaitGroup
	for range connections {
		connection, err := grpc.NewClient("passthrough:///"+address,
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultCallOptions(grpc.ForceCodec(bytes{})))
		check(err)
		defer connection.Close()
		for range streams {
			workers.Go(func() {
				for begun.Add(1) <= calls {
					call(connection)
				}
			})
		}
	}
	workers.Wait()
}

func call(connection *grpc.ClientConn) {
	a, b, c := rand.Uint64(), rand.Uint64(), rand.Uint64()
	id := fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>48, b&0xffffffffffff)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx,
		"x-request-id", id, "traceparent", fmt.Sprintf("00-%016x%016x-%016x-01", a, b, c))
	question := make([]byte, 64)
	var answer []byte
	err := connection.Invoke(ctx, "/"+service+"/"+methods[a%uint64(len(methods))], &question, &answer)
	if err != nil && status.Code(err) != codes.NotFound {
		log.Fatal(err)
	}
}

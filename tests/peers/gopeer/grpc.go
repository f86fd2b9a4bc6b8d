package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
)

// raw messages are bytes, without a schema.
type raw struct{}

func (raw) Name() string { return "raw" }

func (raw) Marshal(message any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*message.(*[]byte))}, nil
}

func (raw) Unmarshal(data mem.BufferSlice, message any) error {
	*message.(*[]byte) = data.Materialize()
	return nil
}

// serveGRPC has the methods of the Python server that its callers here need.
func serveGRPC(address string, age, grace time.Duration) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(grpc.ForceServerCodecV2(raw{}), grpc.UnknownServiceHandler(answer),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: age, MaxConnectionAgeGrace: grace}))
	log.Fatal(server.Serve(listener))
}

func answer(_ any, stream grpc.ServerStream) error {
	var request []byte
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	method, _ := grpc.MethodFromServerStream(stream)
	switch method {
	case "/shop.Catalog/Items":
		return stream.SendMsg(&[]byte{'o', 'k'})
	case "/shop.Catalog/Fail":
		return status.Error(codes.InvalidArgument, "kein Platz: 100 % größer")
	case "/shop.Catalog/Watch":
		for range 20 {
			if err := stream.SendMsg(&[]byte{'m'}); err != nil {
				return err
			}
			time.Sleep(100 * time.Millisecond)
		}
		return nil
	}
	return status.Error(codes.Unimplemented, "unknown method "+method)
}

// callGRPC calls a method, reads at most so many messages, and says how it ended.
func callGRPC(address, method, request string, timeout time.Duration, most int) {
	connection, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(raw{})), grpc.WithDisableRetry())
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	stream, err := connection.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, method)
	bytes, messages := []byte(request), 0
	if err == nil {
		err = stream.SendMsg(&bytes)
	}
	if err == nil {
		err = stream.CloseSend()
	}
	for err == nil {
		if err = stream.RecvMsg(&bytes); err == nil {
			messages++
		}
		if messages == most {
			cancel()
		}
	}
	if err.Error() == "EOF" {
		err = nil
	}
	end := status.Convert(err)
	fmt.Printf("%d %d %s", end.Code(), messages, end.Message())
	time.Sleep(400 * time.Millisecond)
}

package main

import (
	"context"
	"flag"
	"log"
	"net"
	"strings"
	"time"

	wire "github.com/miekg/dns"
	"k8s.io/client-go/informers"
	lister "k8s.io/client-go/listers/core/v1"
)

// How long an answer may be kept, in seconds. Short, as a Service may get another address when its namespace is made again.
const ttl = 5

// dns answers for NAME.NAMESPACE.svc.cluster.local with the address of the Service, and for nothing else.
func dns() {
	config := flag.String("kubeconfig", "", "how to reach the API server")
	address := flag.String("listen", "127.0.0.1:53", "address to answer at, over UDP and TCP")
	flag.Parse()
	factory := informers.NewSharedInformerFactory(connect(*config), time.Hour)
	names := answers{services: factory.Core().V1().Services().Lister()}
	factory.Start(context.Background().Done())
	factory.WaitForCacheSync(context.Background().Done())
	ended := make(chan error)
	for _, network := range []string{"udp", "tcp"} {
		server := &wire.Server{Addr: *address, Net: network, Handler: names}
		go func() { ended <- server.ListenAndServe() }()
	}
	log.Fatal(<-ended)
}

type answers struct{ services lister.ServiceLister }

func (names answers) ServeDNS(writer wire.ResponseWriter, asked *wire.Msg) {
	told := new(wire.Msg).SetReply(asked)
	told.Authoritative = true
	told.Rcode = wire.RcodeNameError
	for _, question := range asked.Question {
		address, found := names.address(question.Name)
		if !found {
			continue
		}
		told.Rcode = wire.RcodeSuccess
		if question.Qtype == wire.TypeA {
			header := wire.RR_Header{Name: question.Name, Rrtype: wire.TypeA, Class: wire.ClassINET, Ttl: ttl}
			told.Answer = append(told.Answer, &wire.A{Hdr: header, A: address})
		}
	}
	if err := writer.WriteMsg(told); err != nil {
		log.Print(err)
	}
}

func (names answers) address(name string) (net.IP, bool) {
	service, found := strings.CutSuffix(strings.ToLower(name), ".svc.cluster.local.")
	if !found {
		return nil, false
	}
	service, namespace, found := strings.Cut(service, ".")
	if !found {
		return nil, false
	}
	seen, err := names.services.Services(namespace).Get(service)
	if err != nil {
		return nil, false
	}
	address := net.ParseIP(seen.Spec.ClusterIP)
	return address, address != nil
}

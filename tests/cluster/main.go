// Command cluster is a whole Kubernetes for tests: its first argument chooses the component, the rest are that component's own. It is
// kubectl where that is what it is called.
//
// The components are those of k8s.io/kubernetes, unchanged. Two are our own: a name service, as a test needs nothing of CoreDNS but
// the addresses of Services, and what provides volumes. scripts/cluster starts them all.
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlerror "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

var components = map[string]func(){
	"apiserver":          server(apiserver.NewAPIServerCommand),
	"controller-manager": server(controllermanager.NewControllerManagerCommand),
	"dns":                dns,
	"etcd":               func() { etcdmain.Main(os.Args) },
	"kubectl":            client,
	"kubelet":            server(kubelet.NewKubeletCommand),
	"proxy":              server(proxy.NewProxyCommand),
	"scheduler":          server(func() *cobra.Command { return scheduler.NewSchedulerCommand() }),
	"volumes":            volumes,
}

func main() {
	if filepath.Base(os.Args[0]) == "kubectl" {
		client()
		return
	}
	if len(os.Args) > 1 {
		if run, ok := components[os.Args[1]]; ok {
			// Each takes itself for the whole program.
			os.Args = os.Args[1:]
			run()
			return
		}
	}
	names := make([]string, 0, len(components))
	for name := range components {
		names = append(names, name)
	}
	sort.Strings(names)
	fmt.Fprintf(os.Stderr, "usage: cluster COMPONENT [ARGUMENT...]\ncomponents: %s\n", strings.Join(names, ", "))
	os.Exit(2)
}

func server(make func() *cobra.Command) func() {
	return func() { os.Exit(cli.Run(make())) }
}

func client() {
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		kubectlerror.CheckErr(err)
	}
}

// connect is for the components that are our own.
func connect(kubeconfig string) kubernetes.Interface {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		log.Fatal(err)
	}
	return kubernetes.NewForConfigOrDie(config)
}

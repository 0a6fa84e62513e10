package rules

import (
	"context"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// clusterJudge returns what is wrong with a server whose name may be that of a Kubernetes Service; nil when nothing is.
// It is proven where a manifest shows that the configuration runs in the cluster, and all manifests were read.
type clusterJudge func(p peer, answer inventory.KubeAnswer, proven bool) *lint.Diagnostic

// reportInCluster tells what a judge says of the servers whose names are those of Services: the full ones wherever the
// configuration runs, and the short ones inside a workload. Findings with one message are told as one. What another of
// the rules says of the same words is left to it.
func reportInCluster(p *lint.Pass, judge clusterJudge, others ...func(context.Context, *lint.Pass)) {
	home := p.Inventory.Home(p.Config)
	if p.Inventory.Cluster == nil || home != nil && home.Workload == nil {
		return
	}
	namespace := ""
	if home != nil {
		namespace = home.Workload.Namespace
	}
	proven := home != nil && home.Proven && len(p.Inventory.Cluster.Gaps) == 0
	found := map[string]*lint.Diagnostic{}
	places := map[string][]syntax.Ref{}
	var order []string
	for dialed := range composePeers(p) {
		answer, ok := p.Inventory.Cluster.Lookup(dialed.addr.Host, namespace)
		if !ok || !answer.Certain && (home == nil || !asksCluster(p, dialed)) {
			continue
		}
		d := judge(dialed, answer, proven)
		if d == nil || slices.Contains(places[d.Message], d.At) {
			continue
		}
		if first := found[d.Message]; first == nil {
			found[d.Message] = d
			order = append(order, d.Message)
		} else if first.Fix != nil && d.Fix != nil {
			first.Fix.Edits = append(first.Fix.Edits, d.Fix.Edits...)
		}
		places[d.Message] = append(places[d.Message], d.At)
	}
	if len(order) == 0 {
		return
	}
	told := toldBy(p, others)
	for _, message := range order {
		d := found[message]
		if told[d.At] {
			continue
		}
		d.Related = append(d.Related, alsoAt(places[message][1:], "here too")...)
		if home != nil {
			for _, e := range home.Evidence {
				d.Related = append(d.Related, lint.Related{At: e.At, Message: e.Text})
			}
		}
		p.Report(*d)
	}
}

// asksCluster reports whether a short name is one that the cluster's DNS is asked for with the namespaces that
// complete it: at start, and where no group of nginx may have it.
func asksCluster(p *lint.Pass, dialed peer) bool {
	host := dialed.addr.Host
	switch {
	case !isHostName(host) || isPinned(host) || p.Inventory.Host(host) != nil:
		return false
	case dialed.route != nil && (dialed.route.Runtime || dialed.addr.PortAt.IsZero() && !seesGroups(p.Config.Tree)):
		return false
	}
	return !dialed.endpoint.Resolve && !mayResolve(p.Config.Dialect, dialed.endpoint) && !strings.HasSuffix(host, ".")
}

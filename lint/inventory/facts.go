// Package inventory holds facts about what stands around a proxy, each with the place it was read from:
// compose projects, Kubernetes manifests, application servers, machines. It judges nothing.
//
// What is not written in a file is not known: a value that a variable without a value makes is Dynamic, and
// what a file would add that is not there is a Gap.
package inventory

import (
	"io/fs"
	"net/netip"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// Facts is all that is known around the configurations of one run. A nil Facts knows nothing.
type Facts struct {
	Projects  []*Project
	Cluster   *Cluster    // nil: no Kubernetes manifest was read
	Apps      []*App      // servers that a file of their own configures, outside any container
	Machines  []Machine   // names, addresses and ports that an --inventory file lists
	Listening []Listening // sockets open on the proxy's machine, from a listing of ss; nil: none was given
	OwnAddrs  []OwnAddr   // addresses of the proxy's machine, from a listing of ip; nil: none was given
	Locks     []*Lock     // what dialing found in the past
	Gaps      []Gap       // what could not be read
	Complete  bool        // the Machines are all there are, as the user says

	hosts  map[string][]netip.Addr
	ranges map[Provider]Ranges // that the user's files list
	homes  map[*proxy.Config]*Home
	index  machineIndex
}

// Value is a text from a file, its variables filled in.
type Value struct {
	Text    string
	At      syntax.Ref // as written; zero: the value is absent
	Dynamic bool       // a variable in it has no known value: Text means nothing
}

// Gap is something that was not read, and so might hold what seems to be absent.
type Gap struct {
	At   syntax.Ref // the words that name it; zero when it is a whole file that can't be shown
	Path string     // the file not read; "" when it is no file
	Why  string     // in lower case, without a full stop
}

// Evidence is a place that shows something, and what.
type Evidence struct {
	At   syntax.Ref
	Text string
}

// Project is a set of containers that know each other by name: a compose project, or what "docker inspect" lists.
type Project struct {
	Name     string         // what its containers' names begin with: "name:", else its folder's
	Files    []*syntax.File // the main file first
	Dir      string         // what its relative paths start from
	Running  bool           // it is what "docker inspect" lists, with the addresses of the moment
	Services []*Service     // in the order of the file
	Networks []*Network     // those declared, and "default"
	Gaps     []Gap          // what of this project is not known: an absent include, an external network ...
}

// Network is a network of a project.
type Network struct {
	Name     string // the key in the file
	At       syntax.Ref
	External bool // others may join it
	Driver   Value
	Subnets  []Subnet
}

// Subnet is a range of addresses that a network declares.
type Subnet struct {
	Prefix netip.Prefix
	At     syntax.Ref
}

// Service is one service of a project.
type Service struct {
	Container
	Project     *Project
	Name        string // the key in the file
	At          syntax.Ref
	OtherName   Value // container_name
	Hostname    Value
	Mode        Value // network_mode: "host", "service:x", "none" ...; absent when it joins Networks
	Joins       []Join
	Links       []Link
	ExtraHosts  []ExtraHost
	DNS         []Value // dns and dns_search: servers and domains that may know names which Docker does not
	Published   []Published
	Mounts      []Mount
	Replicas    int         // 1 unless written
	Build       string      // the folder it is built from, as reached from the working directory; "" when it isn't
	Dockerfile  *Dockerfile // nil when it is not built, or the file was not read
	Restartable bool        // a restart policy or several replicas: its address changes as a matter of course
}

// Join is a service's place in a network.
type Join struct {
	Network *Network
	At      syntax.Ref
	Aliases []Value
	Addrs   []netip.Addr // ipv4_address, ipv6_address
}

// Link is another name for a service, known to the one that links.
type Link struct {
	Service, Alias string
	At             syntax.Ref
}

// ExtraHost is a line that a container gets in its hosts file.
type ExtraHost struct {
	Name string
	Addr string // an address, or "host-gateway"
	At   syntax.Ref
}

// Published is a port of a container that the host forwards to it.
type Published struct {
	Host      int    // the port on the host; -1 when it is chosen at run time or not known
	Container int    // the port in the container; -1 when not known
	Address   string // what it is bound to on the host; "" for all
	UDP       bool
	At        syntax.Ref // the whole mapping
}

// Mount is a file or folder of the host in a container.
type Mount struct {
	Source string // as reached from the working directory; "" for a volume or an inline config
	Volume string // the name of a volume; "" for anything else
	Target string // in the container
	At     syntax.Ref
}

// Container is what runs: a service's container, or one of a Kubernetes pod.
type Container struct {
	Image Value
	Args  []Value          // entrypoint and command, words apart
	Env   map[string]Value // environment, env_file and the image's own
	Ports []Port           // what it listens on, as far as files show, strongest evidence first
	Apps  []*App           // the servers in it, as far as files show
	Loose bool             // a file that was not read may change its ports or environment
}

// Source says what shows that a container listens on a port.
type Source uint8

// The sources, the weakest first: images listen on other ports than their usual one, and EXPOSE is seldom kept true.
const (
	ByImage   Source = iota // the usual port of a known image
	ByExpose                // EXPOSE of its Dockerfile
	ByDeclare               // expose: in compose, containerPort in Kubernetes
	ByPublish               // the container's side of a published port
	ByCheck                 // the port that its health check asks
	ByEnv                   // an environment variable such as PORT
	ByCommand               // an argument of its command
	ByConfig                // a configuration file of the server in it
)

// Explicit reports whether a person wrote the port for this container.
func (s Source) Explicit() bool { return s > ByExpose }

// Port is one port that a container listens on.
type Port struct {
	Number   int
	Name     string         // what a Kubernetes container calls it; "" for none
	Protocol proxy.Protocol // UnknownProtocol when nothing shows it
	Loopback bool           // bound to 127.0.0.1 or ::1: reached from inside the container alone
	Source   Source
	At       syntax.Ref
	Why      string // "image redis:7 listens on 6379", for the chain of evidence
}

// App is an application server that a file configures: a php-fpm pool, gunicorn, Tomcat ...
type App struct {
	Kind  string // its usual name: "php-fpm", "gunicorn", "uwsgi", "uvicorn", "node", "Tomcat", "Spring" ...
	Name  string // of the pool, unit or program; may be empty
	At    syntax.Ref
	Binds []Bind

	Kill    Limit[time.Duration] // it ends a request after this long
	Idle    Limit[time.Duration] // it closes an idle connection after this long
	Header  Limit[int64]         // the largest request header it takes, in bytes
	Allowed []Value              // the clients that may connect, as addresses; empty: all
	Ping    Value                // the path that it answers by itself

	User       Value      // whom it runs as
	PrivateTmp syntax.Ref // what gives it a /tmp of its own, so that none sees a socket there; zero: nothing does
	RuntimeDir Value      // the folder below /run that systemd makes for it
	Worker     Value      // gunicorn's worker class; absent: not written here, though a command may name one
}

// Limit is a value that a file sets, or that the server has by default. One that is switched off is not Known.
type Limit[T any] struct {
	Value T
	Known bool
	At    syntax.Ref // zero for a default
}

// Bind is one place where an App listens.
type Bind struct {
	Addr         proxy.Address
	Protocol     proxy.Protocol
	Owner, Group Value       // of a unix socket
	Mode         fs.FileMode // of a unix socket; 0: not known
	ModeAt       syntax.Ref
	TLS          bool
	Default      bool // nobody wrote the address: it is the server's usual one, at the place that names the server
}

// Machine is a name with its addresses and ports, from an inventory of machines.
type Machine struct {
	Name  string
	Addrs []netip.Addr
	Ports []int
	At    syntax.Ref
}

// Listening is a socket that is open on the proxy's machine.
type Listening struct {
	Addr    netip.Addr // unspecified: all addresses, and "::" those of IPv4 too
	V6Only  bool       // but here "::" leaves out those of IPv4
	Port    int
	Socket  string // the path of a unix socket, "@" before an abstract one; "" for a network one
	Process string // what holds it; "" when not known
	At      syntax.Ref
}

// OwnAddr is an address of the proxy's machine.
type OwnAddr struct {
	Addr netip.Addr
	At   syntax.Ref
}

// Home is where a configuration runs.
type Home struct {
	Service  *Service  // the compose service it belongs to, or
	Workload *Workload // the Kubernetes workload
	Proven   bool      // a mount or a COPY shows it; else it is the only proxy in a compose file near it
	Evidence []Evidence
	Also     []*Service // others that hold it just as certainly, as the variants of a project do
}

// Home returns where a configuration runs; nil when nothing shows it.
func (f *Facts) Home(c *proxy.Config) *Home {
	if f == nil {
		return nil
	}
	return f.homes[c]
}

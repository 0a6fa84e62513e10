package inventory

import (
	"maps"
	"path/filepath"
	"strings"
)

// finish makes the networks and services of what the files say, and adds the project to the facts.
func (c *composer) finish() {
	for _, name := range c.networks.names {
		c.addNetwork(name)
	}
	for i, name := range c.services.names {
		if i == maxServices || c.left < 0 {
			c.gap(c.services.keys[name].Ref(), "", "is beyond what is looked at")
			break
		}
		c.addService(name)
	}
	c.r.facts.Projects = append(c.r.facts.Projects, c.project)
}

// addService reads one service.
func (c *composer) addService(name string) {
	said, whole := c.extended(c.services.said[name], 0)
	s := &Service{Project: c.project, Name: name, At: c.services.keys[name].Ref(), Replicas: 1}
	s.Loose = !whole
	s.Image = said.get("image").last().value()
	s.OtherName = said.get("container_name").last().value()
	s.Hostname = said.get("hostname").last().value()
	s.Mode = said.get("network_mode").last().value()
	c.readJoins(s, said)
	s.Links = readLinks(said)
	s.ExtraHosts = readExtraHosts(said.get("extra_hosts"))
	for _, item := range append(said.get("dns").items(), said.get("dns_search").items()...) {
		s.DNS = append(s.DNS, item.value())
	}
	c.readPublished(s, said.get("ports"))
	c.readMounts(s, said)
	readScale(s, said)
	c.readBuild(s, said)
	c.readEnvironment(s, said)
	s.Args = readArgs(said, s.Dockerfile)
	c.noteNames(s)
	s.findListening(said)
	c.project.Services = append(c.project.Services, s)
}

// noteNames tells of names that a variable without a value makes: any name may be one of them.
func (c *composer) noteNames(s *Service) {
	names := []Value{s.OtherName, s.Hostname}
	for _, join := range s.Joins {
		names = append(names, join.Aliases...)
	}
	for _, name := range names {
		if name.Dynamic {
			c.gap(name.At, "", "is a name that a variable without a value makes")
		}
	}
}

// readLinks reads the names that a service gives to others.
func readLinks(said layers) []Link {
	var list []Link
	for _, key := range []string{"links", "external_links"} {
		for _, item := range said.get(key).items() {
			v := item.value()
			service, alias, found := strings.Cut(v.Text, ":")
			if !found {
				alias = service
			}
			if !v.Dynamic && service != "" {
				list = append(list, Link{Service: service, Alias: alias, At: v.At})
			}
		}
	}
	return list
}

// readExtraHosts reads "name:address", "name=address" and a mapping of names to one or several addresses.
func readExtraHosts(said layers) []ExtraHost {
	var list []ExtraHost
	for _, l := range said {
		for _, item := range l.list() {
			v := item.value()
			sep := strings.IndexAny(v.Text, "=:")
			if sep <= 0 {
				continue
			}
			addr := v.Text[sep+1:]
			if v.Dynamic {
				addr = ""
			}
			list = append(list, ExtraHost{Name: v.Text[:sep], Addr: unbracketed(addr), At: v.At})
		}
		for name, addrs := range l.pairs() {
			for _, addr := range addrs.items() {
				list = append(list, ExtraHost{Name: name.Text(), Addr: unbracketed(addr.value().Text), At: addr.Ref()})
			}
		}
	}
	return list
}

// readScale reads how many containers run, and whether one may be replaced by another.
func readScale(s *Service, said layers) {
	s.Replicas = said.get("deploy", "replicas").last().number(said.get("scale").last().number(1))
	restart := said.get("restart").last().value()
	policy := said.get("deploy", "restart_policy", "condition").last().value()
	s.Restartable = s.Replicas > 1 ||
		restart.Text != "" && restart.Text != "no" && restart.Text != "false" ||
		policy.Text != "" && policy.Text != "none"
}

// readBuild reads where an image is built, and its Dockerfile.
func (c *composer) readBuild(s *Service, said layers) {
	build := said.get("build").last()
	if !build.Exists() {
		return
	}
	context, file, target := build.value(), Value{}, Value{}
	args := map[string]Value{}
	if build.IsMap() {
		build := said.get("build")
		context = build.get("context").last().value()
		file = build.get("dockerfile").last().value()
		target = build.get("target").last().value()
		args = readVariables(build.get("args"))
		if build.get("dockerfile_inline").last().Exists() {
			s.Loose = true
			return
		}
	}
	if context.Dynamic || file.Dynamic || target.Dynamic || isRemote(context.Text) {
		s.Loose = true
		return
	}
	s.Build = joinPath(build.in.dir, context.Text)
	if file.Text == "" {
		file.Text = "Dockerfile"
	}
	if text := c.r.open(joinPath(s.Build, file.Text)); text != nil && c.left > text.Lines() {
		c.left -= text.Lines()
		s.Dockerfile = readDockerfile(text, target.Text, args)
	}
	if s.Dockerfile == nil {
		s.Loose = true
	}
}

// readVariables reads a list of NAME=value or a mapping. A name alone takes its value from the project's variables.
func readVariables(said layers) map[string]Value {
	env := map[string]Value{}
	for _, l := range said {
		for _, entry := range l.list() {
			name, value, found := Value{Text: entry.Text(), At: entry.Ref()}.assigned()
			name, _ = expand(name, l.in.env)
			if env[name] = fill(value, l.in.env); !found {
				env[name] = entry.passed(name)
			}
		}
		for key, value := range l.pairs() {
			env[key.Text()] = value.value()
			if value.IsNull() {
				env[key.Text()] = key.passed(key.Text())
			}
		}
	}
	return env
}

// passed is the value of a variable that a service takes over from the project's.
func (l layer) passed(name string) Value {
	if v, ok := l.in.env[name]; ok {
		return v
	}
	return Value{Text: l.Text(), At: l.Ref(), Dynamic: true}
}

// readEnvironment reads the variables that a container runs with: the image's, those of env files, its own.
func (c *composer) readEnvironment(s *Service, said layers) {
	s.Env = map[string]Value{}
	if s.Dockerfile != nil {
		maps.Copy(s.Env, s.Dockerfile.Env)
	}
	for _, item := range said.get("env_file").items() {
		path := item.value()
		if item.IsMap() {
			path = item.child("path").value()
		}
		file := c.r.open(joinPath(item.in.dir, path.Text))
		if path.Dynamic || file == nil {
			s.Loose = true
			continue
		}
		env := maps.Clone(item.in.env)
		for _, name := range readEnv(file, env) {
			s.Env[name] = env[name]
		}
	}
	maps.Copy(s.Env, readVariables(said.get("environment")))
}

// readMounts reads the files and folders that a container sees, its own and those of a service that it takes the volumes
// from.
func (c *composer) readMounts(s *Service, said layers) {
	c.readVolumes(s, said)
	for _, item := range said.get("volumes_from").items() {
		v := item.value()
		name, _, _ := strings.Cut(v.Text, ":")
		if _, known := c.services.said[name]; !known || v.Dynamic {
			c.gap(v.At, "", "is a container that is not known")
			continue
		}
		other, _ := c.extended(c.services.said[name], 0)
		c.readVolumes(s, other)
	}
	c.readFileMounts(s, said.get("configs"), &c.configs, "/")
	c.readFileMounts(s, said.get("secrets"), &c.secrets, "/run/secrets/")
}

func (c *composer) readVolumes(s *Service, said layers) {
	for _, item := range said.get("volumes").items() {
		if item.IsMap() {
			s.Mounts = append(s.Mounts, mount(item.in.dir, item.child("source").value(),
				item.child("target").value().Text, item.child("type").value().Text))
			continue
		}
		v := item.value()
		source, rest, found := cutVolume(item.parts())
		if !found {
			source, rest = "", source
		}
		target, _, _ := strings.Cut(rest, ":")
		s.Mounts = append(s.Mounts, mount(item.in.dir, Value{Text: source, At: v.At}, target, ""))
	}
}

// mount makes a Mount. Without a type, a source is a path when it looks like one.
func mount(dir string, source Value, target, kind string) Mount {
	m := Mount{Target: target, At: source.At}
	isPath := strings.HasPrefix(source.Text, ".") || strings.HasPrefix(source.Text, "/") || strings.HasPrefix(source.Text, "~")
	switch {
	case source.Text == "" || source.Dynamic || strings.Contains(source.Text, unknownPart):
	case kind == "bind" || kind == "" && isPath:
		m.Source = joinPath(dir, source.Text)
	case kind == "volume" || kind == "":
		m.Volume = source.Text
	}
	return m
}

// cutVolume splits the short form of a volume at its first colon, behind a Windows drive's.
func cutVolume(text string) (source, rest string, found bool) {
	if len(text) > 2 && text[0] != '.' && text[1] == ':' && (text[2] == '\\' || text[2] == '/') {
		source, rest, found = strings.Cut(text[2:], ":")
		return text[:2] + source, rest, found
	}
	return strings.Cut(text, ":")
}

// readFileMounts reads the configs or secrets that a service takes from the top of the file. They lie in
// a folder of their own unless a target is written.
func (c *composer) readFileMounts(s *Service, said layers, from *section, folder string) {
	for _, item := range said.items() {
		source, target := item.value(), Value{}
		if item.IsMap() {
			source, target = item.child("source").value(), item.child("target").value()
		}
		m := Mount{Target: target.Text, At: source.At}
		if m.Target == "" {
			m.Target = source.Text
		}
		if !filepath.IsAbs(m.Target) {
			m.Target = folder + m.Target
		}
		file := from.said[source.Text].get("file").last()
		if v := file.value(); v.Text != "" && !v.Dynamic {
			m.Source = joinPath(file.in.dir, v.Text)
		}
		s.Mounts = append(s.Mounts, m)
	}
}

// readArgs returns the words that a container runs: the service's entrypoint and command, and where it has none,
// the image's. A new entrypoint takes away the image's command (https://docs.docker.com/reference/compose-file/services/#entrypoint).
func readArgs(said layers, d *Dockerfile) []Value {
	entrypoint, hasEntrypoint := readWords(said.get("entrypoint").last())
	command, hasCommand := readWords(said.get("command").last())
	if d != nil {
		if !hasEntrypoint {
			entrypoint = d.Entrypoint
		}
		if !hasCommand && !hasEntrypoint {
			command = d.Cmd
		}
	}
	return append(append([]Value(nil), entrypoint...), command...)
}

// readWords reads a command as a list, or as a text that is split as a shell would; false when none is written.
func readWords(l layer) ([]Value, bool) {
	var list []Value
	if l.IsScalar() && !l.IsNull() {
		for _, word := range shellWords(Value{Text: l.Text(), At: l.Ref()}) {
			list = append(list, fill(word, l.in.env))
		}
		return list, true
	}
	for _, item := range l.items() {
		list = append(list, item.value())
	}
	return list, l.IsList()
}

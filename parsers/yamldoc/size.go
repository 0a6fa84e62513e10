package yamldoc

import "go.yaml.in/yaml/v3"

// Size counts the values and keys in n, those of an anchor wherever an alias stands for it. It stops above the
// given number: aliases of aliases make any number, and one that holds itself no end of them.
func (n Node) Size(most int) int {
	if n.node == nil {
		return 0
	}
	return sizes{most: most, anchored: map[*yaml.Node]int{}}.of(n.node)
}

type sizes struct {
	most     int
	anchored map[*yaml.Node]int
}

func (s sizes) of(n *yaml.Node) int {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if size, ok := s.anchored[n]; ok {
		return size
	}
	if n.Anchor != "" {
		s.anchored[n] = s.most + 1 // until it is known: what holds itself has no end
	}
	size := 1
	for _, child := range n.Content {
		if size += s.of(child); size > s.most {
			return s.most + 1
		}
	}
	if n.Anchor != "" {
		s.anchored[n] = size
	}
	return size
}
